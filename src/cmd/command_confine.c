#include "cmd/command.h"

#include "cmd/text.h"
#include "msg/charset.h"
#include "net/crypto.h"
#include "role/confine.h"

int command_confine(const char *name, const struct config *c, const char *const *paths, size_t n, struct err *e)
{
	const struct confine_wish wish = { .role = name, .config = c, .directory = -1, .paths = paths, .npaths = n };
	struct confine_kernel kernel;

	charset_warm();
	crypto_start();
	text_prepare();
	confine_ask_kernel(&kernel);
	return confine(&wish, &kernel, e);
}
