#include "oauth_tools.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "config/load.h"

struct config *account_config;

struct config_server *account_of(const char *text)
{
	struct buf errors;

	buf_init(&errors, 10000);
	config_free(&account_config);
	account_config = config_check("t", slice_str(text), &errors);
	if (account_config == NULL)
		fail_msg("%s", buf_str(&errors));
	buf_free(&errors);
	return &account_config->accounts[0].server;
}

int account_forget(void **state)
{
	(void)state;
	config_free(&account_config);
	return 0;
}
