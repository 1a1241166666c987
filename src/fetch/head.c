#include "fetch/head.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "msg/date.h"

/* Lines that mail servers and their mailbox formats write on their own account. */
static const char *const passing[] = {
	"Status",     "X-Status",	"X-UID", "X-UIDL",	     "X-Keywords",	  "X-IMAP",
	"X-IMAPbase", "Content-Length", "Lines", "X-Mozilla-Status", "X-Mozilla-Status2", "X-Mozilla-Keys",
	"X-MUIDL",    "X-Evolution",
};

static bool is_passing(struct slice name)
{
	for (size_t i = 0; i < sizeof passing / sizeof passing[0]; i++)
		if (slice_eq_nocase(name, slice_str(passing[i])))
			return true;
	return false;
}

static void feed(EVP_MD_CTX *c, const void *p, size_t n)
{
	if (n > 0 && EVP_DigestUpdate(c, p, n) != 1)
		abort(); /* a context that was made without a fault can't fail here */
}

/* VALUE without line ends and what stands around them. */
static void feed_value(EVP_MD_CTX *c, struct slice value)
{
	while (value.n > 0) {
		size_t n = slice_find(value, '\n');
		struct slice line = slice_trim(slice_of(value.p, n));

		feed(c, line.p, line.n);
		feed(c, " ", 1);
		value = slice_skip(value, n < value.n ? n + 1 : n);
	}
}

static void feed_name(EVP_MD_CTX *c, struct slice name)
{
	char lower[64];

	while (name.n > 0) {
		const size_t n = name.n < sizeof lower ? name.n : sizeof lower;

		for (size_t i = 0; i < n; i++)
			lower[i] = ascii_lower(name.p[i]);
		feed(c, lower, n);
		name = slice_skip(name, n);
	}
	feed(c, "", 1); /* the NUL keeps name and value apart */
}

/* The line that an mbox puts in front of each message. */
static bool is_from_line(const struct header_field *f)
{
	return f->name.n == 0 && (slice_starts_nocase(f->value, SLICE_LIT("From ")) ||
				  slice_starts_nocase(f->value, SLICE_LIT(">From ")));
}

void head_read(struct slice block, struct head *out)
{
	EVP_MD_CTX *c = EVP_MD_CTX_new();
	unsigned char digest[EVP_MAX_MD_SIZE];
	struct header_field f;

	*out = (struct head){ 0 };
	if (block.n > HEADER_MAX_BYTES)
		block.n = HEADER_MAX_BYTES;
	if (c == NULL || EVP_DigestInit_ex(c, EVP_sha256(), NULL) != 1)
		abort(); /* a small allocation failed */
	while (header_next(&block, &f)) {
		if (is_passing(f.name) || is_from_line(&f))
			continue;
		if (slice_eq_nocase(f.name, SLICE_LIT("Message-ID")) && slice_trim(f.value).n > 2)
			out->named = true;
		if (out->date_ms == 0 && slice_eq_nocase(f.name, SLICE_LIT("Date"))) {
			time_t t = date_parse(f.value);

			out->date_ms = t > 0 ? (int64_t)t * 1000 : 0;
		}
		feed_name(c, f.name);
		feed_value(c, f.value);
		feed(c, "\n", 1);
	}
	if (EVP_DigestFinal_ex(c, digest, NULL) != 1)
		abort();
	EVP_MD_CTX_free(c);
	memcpy(out->hash, digest, sizeof out->hash);
	if (!head_is_known(out->hash))
		out->hash[0] = 1;
}

bool head_is_known(const unsigned char hash[ORIGIN_HEAD_SIZE])
{
	static const unsigned char none[ORIGIN_HEAD_SIZE];

	return memcmp(hash, none, sizeof none) != 0;
}

void head_gather_init(struct head_gather *g)
{
	buf_init(&g->block, HEADER_MAX_BYTES + 128 * 1024);
	g->done = false;
}

void head_gather_free(struct head_gather *g)
{
	buf_free(&g->block);
}

/* How many octets of the gathered bytes the block has, 0: not all of it is there. FROM: what was looked at before. */
static size_t block_end(struct slice s, size_t from)
{
	for (size_t i = from; i < s.n; i++) {
		if (s.p[i] != '\n')
			continue;
		if (i == 0 || s.p[i - 1] == '\n' || (s.p[i - 1] == '\r' && (i == 1 || s.p[i - 2] == '\n')))
			return i + 1;
	}
	return 0;
}

int head_gather_add(struct head_gather *g, struct slice *piece)
{
	const size_t before = g->block.n;
	size_t end;

	if (g->done)
		return 0;
	if (buf_add_slice(&g->block, *piece) != 0)
		return -1;
	end = block_end(buf_slice(&g->block), before);
	if (end > 0) {
		buf_truncate(&g->block, end);
		g->done = true;
	}
	*piece = slice_skip(*piece, g->block.n - before);
	if (g->block.n > HEADER_MAX_BYTES)
		g->done = true;
	return 0;
}
