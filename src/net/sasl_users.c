#include "net/sasl_users.h"

#include <stdlib.h>
#include <string.h>

#include "base/encode.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "net/sasl_prep.h"
#include "net/sasl_users_impl.h"

enum { ERRORS_SHOWN = 20 };

struct parser {
	const char *file;
	unsigned line;
	struct buf *errors;
	unsigned nerrors;
	bool secret; /* was found */
	struct sasl_users *users;
	size_t room;
};

static void complain(struct parser *p, const char *what)
{
	if (p->nerrors++ < ERRORS_SHOWN)
		(void)buf_addf(p->errors, "%s:%u: %s\n", p->file, p->line, what);
}

/* ---- the text ---- */
/* Base64 of FROM to MOST octets; its length, or 0. */
static size_t octets_parse(struct slice text, size_t from, size_t most, unsigned char *out)
{
	struct buf raw;
	size_t n = 0;

	buf_init(&raw, most);
	if (base64_decode(text, &raw) == 0 && raw.n >= from) {
		n = raw.n;
		memcpy(out, raw.p, n);
	}
	buf_wipe(&raw);
	return n;
}

/* Takes what stands in front of C, and C. Without C: all. */
static struct slice part(struct slice *s, char c)
{
	size_t n = slice_find(*s, c);
	struct slice first = slice_of(s->p, n);

	*s = slice_skip(*s, n < s->n ? n + 1 : n);
	return first;
}

/* ROUNDS:SALT$STORED-KEY:SERVER-KEY. NULL, or what is wrong. */
static const char *verifier_parse(struct slice text, enum scram_hash hash, struct scram_verifier *v)
{
	const size_t size = scram_size(hash);
	uint64_t rounds = 0;

	if (slice_number(part(&text, ':'), SASL_ROUNDS_MAX, &rounds) != 0 || rounds < SASL_ROUNDS_MIN)
		return "the number of rounds in a verifier must be from 4096 to 1000000";
	v->salt_size = octets_parse(part(&text, '$'), 8, SASL_SALT_MAX, v->salt);
	if (v->salt_size == 0)
		return "the salt in a verifier must be base64 of 8 to 32 octets";
	if (octets_parse(part(&text, ':'), size, size, v->stored) == 0 ||
	    octets_parse(text, size, size, v->server) == 0)
		return "a key in a verifier is missing, or not base64 of the right length";
	v->rounds = (unsigned)rounds;
	return NULL;
}

/* "SCRAM-SHA-256$…". NULL, or what is wrong. */
static const char *field_parse(struct slice field, struct sasl_user *user)
{
	struct slice name = part(&field, '$');

	if (slice_eq(name, slice_str(scram_name(SCRAM_SHA256))))
		return user->sha256.rounds != 0 ? "two verifiers of SCRAM-SHA-256"
						: verifier_parse(field, SCRAM_SHA256, &user->sha256);
	if (!slice_eq(name, slice_str(scram_name(SCRAM_SHA1))))
		return "expected a verifier that begins with SCRAM-SHA-256$ or SCRAM-SHA-1$";
	if (user->sha1 != NULL)
		return "two verifiers of SCRAM-SHA-1";
	user->sha1 = mem_alloc(sizeof *user->sha1);
	return verifier_parse(field, SCRAM_SHA1, user->sha1);
}

const char *sasl_users_bad_name(const char *name)
{
	char *prepared;
	bool same;

	if (name[0] == '\0' || strlen(name) > SASL_NAME_MAX)
		return "a name has 1 to 255 octets";
	if (name[0] == '#' || name[0] == '!')
		return "a name can't begin with # or !";
	if (!utf8_valid(slice_str(name)))
		return "a name must be UTF-8";
	for (const char *c = name; *c != '\0'; c++) {
		if ((unsigned char)*c <= ' ' || *c == 0x7f)
			return "a name can't hold blanks or control characters";
	}
	prepared = sasl_prepare(name);
	same = prepared != NULL && strcmp(prepared, name) == 0;
	free(prepared);
	return same ? NULL : "a name must be as SASLprep (RFC 4013) leaves it";
}

static void user_parse(struct parser *p, struct slice name, struct slice rest)
{
	struct sasl_user user = { .name = slice_dup(name), .line = p->line };
	const char *wrong = strlen(user.name) != name.n ? "the line holds a NUL" : sasl_users_bad_name(user.name);

	while (wrong == NULL && rest.n > 0) {
		struct slice field = part(&rest, ' ');

		if (field.n > 0)
			wrong = field_parse(field, &user);
	}
	if (wrong == NULL && user.sha256.rounds == 0)
		wrong = "the user has no verifier of SCRAM-SHA-256";
	if (wrong != NULL) {
		complain(p, wrong);
		sasl_user_clear(&user);
		return;
	}
	if (p->users->n == p->room) {
		p->room = p->room == 0 ? 16 : p->room * 2;
		p->users->all = mem_resize(p->users->all, p->room, sizeof *p->users->all);
	}
	p->users->all[p->users->n++] = user;
}

static void line_parse(struct parser *p, struct slice line)
{
	struct slice name;

	if (line.n > 0 && line.p[line.n - 1] == '\r')
		line.n--;
	if (line.n == 0 || line.p[0] == '#')
		return;
	name = part(&line, ' ');
	if (!slice_eq(name, SLICE_LIT("!decoys"))) {
		user_parse(p, name, line);
	} else if (p->secret ||
		   octets_parse(line, DECOY_SECRET_SIZE, DECOY_SECRET_SIZE, p->users->secret) != DECOY_SECRET_SIZE) {
		complain(p, "!decoys must stand there once, with base64 of 32 octets");
	} else {
		p->secret = true;
	}
}

struct sasl_users *sasl_users_parse(const char *file, struct slice text, struct buf *errors)
{
	struct parser p = { .file = file, .errors = errors, .users = mem_alloc(sizeof *p.users) };

	while (text.n > 0) {
		struct slice line = part(&text, '\n');

		p.line++;
		line_parse(&p, line);
	}
	if (!p.secret && p.nerrors == 0) {
		p.line = 1;
		complain(&p, "the line !decoys is missing; let mailferry user make the file");
	}
	sasl_users_sort(p.users);
	for (size_t i = 1; i < p.users->n; i++) {
		if (strcmp(p.users->all[i - 1].name, p.users->all[i].name) != 0)
			continue;
		p.line = p.users->all[i].line;
		complain(&p, "the user stands in the file twice");
	}
	if (p.nerrors > 0)
		sasl_users_free(&p.users);
	return p.users;
}

/* ---- looking up ---- */
static int by_name(const void *a, const void *b)
{
	const struct sasl_user *x = a, *y = b;
	int r = strcmp(x->name, y->name);

	return r != 0 ? r : (x->line > y->line) - (x->line < y->line);
}

static void rounds_note(struct sasl_users *u, enum scram_hash hash, unsigned rounds)
{
	size_t i = 0;

	while (i < u->nrounds[hash] && u->rounds[hash][i] != rounds)
		i++;
	if (i == u->nrounds[hash] && i < ROUNDS_KINDS_MAX)
		u->rounds[hash][u->nrounds[hash]++] = rounds;
}

void sasl_users_sort(struct sasl_users *u)
{
	if (u->n > 1)
		qsort(u->all, u->n, sizeof *u->all, by_name);
	memset(u->nrounds, 0, sizeof u->nrounds);
	for (size_t i = 0; i < u->n; i++) {
		rounds_note(u, SCRAM_SHA256, u->all[i].sha256.rounds);
		if (u->all[i].sha1 != NULL)
			rounds_note(u, SCRAM_SHA1, u->all[i].sha1->rounds);
	}
}

size_t sasl_users_count(const struct sasl_users *u)
{
	return u->n;
}

const struct sasl_user *sasl_users_at(const struct sasl_users *u, size_t i)
{
	return &u->all[i];
}

const struct sasl_user *sasl_users_find(const struct sasl_users *u, const char *name)
{
	size_t low = 0, high = u->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int r = strcmp(name, u->all[middle].name);

		if (r == 0)
			return &u->all[middle];
		if (r < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

bool sasl_users_know(const struct sasl_users *u, enum scram_hash hash)
{
	return u->nrounds[hash] > 0;
}

/* ---- decoys ---- */
/* HMAC-SHA-256 of our secret over what is wanted. */
static void decoy(const struct sasl_users *u, const char *what, enum scram_hash hash, unsigned rounds, const char *name,
		  unsigned char out[SCRAM_KEY_MAX])
{
	struct buf text;

	memset(out, 0, SCRAM_KEY_MAX);
	buf_init(&text, (size_t)SASL_NAME_MAX * 4 + 100);
	(void)buf_addf(&text, "%s %s %u ", what, scram_name(hash), rounds);
	(void)buf_add_str(&text, name);
	(void)scram_mac(SCRAM_SHA256, u->secret, buf_slice(&text), out);
	buf_free(&text);
}

/* One of the numbers that real users have, and the same for a name as long as nobody comes with a number that nobody
 * had before: each number draws a lot, and the highest wins. */
static unsigned decoy_rounds(const struct sasl_users *u, enum scram_hash hash, const char *name)
{
	unsigned char best[SCRAM_KEY_MAX] = { 0 }, lot[SCRAM_KEY_MAX];
	unsigned rounds = SASL_ROUNDS_MIN;

	for (size_t i = 0; i < u->nrounds[hash]; i++) {
		decoy(u, "rounds", hash, u->rounds[hash][i], name, lot);
		if (i > 0 && memcmp(lot, best, sizeof lot) <= 0)
			continue;
		memcpy(best, lot, sizeof lot);
		rounds = u->rounds[hash][i];
	}
	return rounds;
}

static void decoy_make(const struct sasl_users *u, const char *name, enum scram_hash hash, struct scram_verifier *out)
{
	unsigned char salt[SCRAM_KEY_MAX];

	*out = (struct scram_verifier){ .rounds = decoy_rounds(u, hash, name), .salt_size = SASL_SALT_SIZE };
	decoy(u, "salt", hash, 0, name, salt);
	memcpy(out->salt, salt, SASL_SALT_SIZE);
	decoy(u, "stored", hash, 0, name, out->stored);
	decoy(u, "server", hash, 0, name, out->server);
}

bool sasl_users_verifier(const struct sasl_users *u, const char *name, enum scram_hash hash, struct scram_verifier *out)
{
	const struct sasl_user *user = sasl_users_find(u, name);
	const struct scram_verifier *real = NULL;

	if (user != NULL)
		real = hash == SCRAM_SHA256 ? &user->sha256 : user->sha1;
	/* Also for those who are there, so that it takes as long. */
	decoy_make(u, name, hash, out);
	if (real != NULL)
		*out = *real;
	return real != NULL;
}

/* ---- life ---- */
struct sasl_users *sasl_users_new(void)
{
	struct sasl_users *u = mem_alloc(sizeof *u);

	random_bytes(u->secret, sizeof u->secret);
	return u;
}

void sasl_user_clear(struct sasl_user *user)
{
	free(user->name);
	mem_wipe(user->sha1, user->sha1 == NULL ? 0 : sizeof *user->sha1);
	free(user->sha1);
	mem_wipe(user, sizeof *user);
}

void sasl_users_free(struct sasl_users **up)
{
	struct sasl_users *u = *up;

	if (u == NULL)
		return;
	for (size_t i = 0; i < u->n; i++)
		sasl_user_clear(&u->all[i]);
	free(u->all);
	mem_wipe(u, sizeof *u);
	free(u);
	*up = NULL;
}
