#include "net/authorities.h"

#include <dirent.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* "5ed36f99.0": what OpenSSL itself would open. Lists of what was revoked ("5ed36f99.r0") it looks up only where it is told
 * to, and we do not. */
static bool is_hashed(const char *name)
{
	size_t n = strspn(name, "0123456789abcdef");

	return n == 8 && name[8] == '.' && name[9] != '\0' && strspn(name + 9, "0123456789") == strlen(name + 9);
}

/* Files that are no certificate, or can't be read, are passed over, as OpenSSL passes over them. */
static int directory_load(X509_STORE *store, const char *path, struct err *e)
{
	const struct dirent *entry;
	DIR *d = opendir(path);

	if (d == NULL)
		return errno == ENOENT || errno == ENOTDIR ? 0 : err_sys(e, errno, "read the directory %s", path);
	while ((entry = readdir(d)) != NULL) {
		char *file;

		if (!is_hashed(entry->d_name))
			continue;
		file = mem_printf("%s/%s", path, entry->d_name);
		(void)X509_STORE_load_file(store, file);
		free(file);
	}
	(void)closedir(d);
	return 0;
}

int authorities_load(SSL_CTX *ctx, struct err *e)
{
	X509_STORE *store = SSL_CTX_get_cert_store(ctx);
	char *paths, *rest, *path;
	int r = 0;

	(void)X509_STORE_load_file(store, X509_get_default_cert_file());
	paths = rest = mem_strdup(X509_get_default_cert_dir());
	while (r == 0 && (path = strsep(&rest, ":")) != NULL)
		r = directory_load(store, path, e);
	free(paths);
	ERR_clear_error();
	return r;
}
