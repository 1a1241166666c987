/* A file of the token directory that somebody else wrote; the URL that a browser came back to; URLs of endpoints. */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "config/value.h"
#include "oauth/grant.h"
#include "oauth/token_store.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char name[] = "a", endpoint[] = "https://login.example.net/token";

static void store_try(const char *dir, struct slice text, const char *file)
{
	int at = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), fd;
	struct token_store *s;
	struct stored_token t;
	struct err e;
	int ret;

	fd = openat(at, file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0 || file_write_all(fd, text.p, text.n, &e) != 0)
		abort();
	(void)close(fd);
	s = token_store_new(at, 0, &e);
	if (s == NULL)
		abort();
	ret = token_store_read(s, name, &t, &e);
	if (ret == 1 && (t.serial < 1 || t.refresh_token[0] == '\0'))
		abort();
	if (ret == 1 && token_store_write(s, name, &t, &e) != 0 && e.class != ERR_CONFIG)
		abort();
	stored_token_free(&t);
	(void)token_store_remove(s, name, &e);
	token_store_free(&s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char memory[] = "/dev/shm/mailferry-fuzz-XXXXXX", disk[] = "/tmp/mailferry-fuzz-XXXXXX";
	static const char *dir;
	struct config_server a = { .name = name, .user = name };
	struct slice text = slice_of((const char *)data, size);
	char hint[VALUE_HINT_SIZE];
	struct url url;
	struct err e;
	char *copy, *code;

	log_set_level(LOG_ERROR);
	/* In memory a sync costs nothing. */
	if (dir == NULL)
		dir = mkdtemp(memory);
	if (dir == NULL)
		dir = mkdtemp(disk);
	if (dir == NULL)
		abort();
	store_try(dir, text, "a.token");
	store_try(dir, text, "a.token.new");
	copy = slice_dup(text);
	a.token.token_endpoint = endpoint;
	code = grant_code_take(&a, copy, "state", &e);
	mem_wipe_str(&code);
	if (url_parse(copy, &url, hint) == 0 && (url.host[0] == '\0' || url.port == 0 || url.path.p[0] != '/'))
		abort();
	free(copy);
	return 0;
}
