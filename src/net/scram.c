#include "net/scram.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>

#include "base/encode.h"
#include "base/mem.h"

static const struct {
	const char *name, *openssl;
	size_t size;
} hashes[SCRAM_HASHES] = {
	[SCRAM_SHA256] = { "SCRAM-SHA-256", "SHA256", 32 },
	[SCRAM_SHA1] = { "SCRAM-SHA-1", "SHA1", 20 },
};

size_t scram_size(enum scram_hash hash)
{
	return hashes[hash].size;
}

const char *scram_name(enum scram_hash hash)
{
	return hashes[hash].name;
}

int scram_mac(enum scram_hash hash, const unsigned char *key, struct slice text, unsigned char *out)
{
	const EVP_MD *md = EVP_get_digestbyname(hashes[hash].openssl);
	unsigned char mac[EVP_MAX_MD_SIZE];
	unsigned n = 0;

	if (md == NULL ||
	    HMAC(md, key, (int)hashes[hash].size, (const unsigned char *)text.p, text.n, mac, &n) == NULL ||
	    n != hashes[hash].size)
		return -1;
	memcpy(out, mac, n);
	mem_wipe(mac, sizeof mac);
	return 0;
}

int scram_digest(enum scram_hash hash, struct slice text, unsigned char *out)
{
	const EVP_MD *md = EVP_get_digestbyname(hashes[hash].openssl);

	return md != NULL && EVP_Digest(text.p, text.n, out, NULL, md, NULL) == 1 ? 0 : -1;
}

int scram_keys(enum scram_hash hash, const char *password, struct slice salt, unsigned rounds, struct scram_keys *keys)
{
	const EVP_MD *md = EVP_get_digestbyname(hashes[hash].openssl);
	unsigned char salted[SCRAM_KEY_MAX];
	const size_t n = hashes[hash].size;
	int ret = -1;

	if (md != NULL &&
	    PKCS5_PBKDF2_HMAC(password, (int)strlen(password), (const unsigned char *)salt.p, (int)salt.n, (int)rounds,
			      md, (int)n, salted) == 1 &&
	    scram_mac(hash, salted, SLICE_LIT("Client Key"), keys->client) == 0 &&
	    scram_mac(hash, salted, SLICE_LIT("Server Key"), keys->server) == 0)
		ret = scram_digest(hash, slice_of((const char *)keys->client, n), keys->stored);
	mem_wipe(salted, sizeof salted);
	return ret;
}

void scram_nonce(char out[SCRAM_NONCE_SIZE])
{
	char raw[SCRAM_NONCE_OCTETS];
	struct buf text;

	_Static_assert(SCRAM_NONCE_SIZE == SCRAM_NONCE_OCTETS / 3 * 4 + 1, "base64 of it and a NUL");
	random_bytes(raw, sizeof raw);
	buf_init(&text, SCRAM_NONCE_SIZE);
	(void)base64_encode(slice_of(raw, sizeof raw), &text);
	memcpy(out, buf_str(&text), SCRAM_NONCE_SIZE);
	buf_free(&text);
}

bool scram_printable(struct slice nonce)
{
	for (size_t i = 0; i < nonce.n; i++) {
		if (nonce.p[i] < '!' || nonce.p[i] > '~' || nonce.p[i] == ',')
			return false;
	}
	return true;
}

bool scram_take(struct slice *in, char attribute, struct slice *value)
{
	size_t n = slice_find(*in, ',');

	if (n < 2 || in->p[0] != attribute || in->p[1] != '=')
		return false;
	*value = slice_of(in->p + 2, n - 2);
	*in = slice_skip(*in, n < in->n ? n + 1 : n);
	return true;
}

void scram_add_name(struct buf *out, const char *name)
{
	for (; *name != '\0'; name++) {
		if (*name == ',')
			(void)buf_add_str(out, "=2C");
		else if (*name == '=')
			(void)buf_add_str(out, "=3D");
		else
			(void)buf_add_char(out, *name);
	}
}

int scram_read_name(struct slice name, struct buf *out)
{
	for (size_t i = 0; i < name.n; i++) {
		char c = name.p[i];

		if (c == '=') {
			struct slice code = slice_of(name.p + i, name.n - i < 3 ? name.n - i : 3);

			if (slice_eq(code, SLICE_LIT("=2C")))
				c = ',';
			else if (!slice_eq(code, SLICE_LIT("=3D")))
				return -1;
			i += 2;
		} else if (c == '\0') {
			return -1;
		}
		if (buf_add_char(out, c) != 0)
			return -1;
	}
	return 0;
}
