#include "store_peer_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/slice.h"

struct peer peer;

uint8_t peer_draw(void)
{
	return peer.at < peer.n ? peer.p[peer.at++] : 0;
}

/* ---- connections ---- */

int peer_connect(void)
{
	struct connection *c;
	int pair[2];

	if (peer.nall == CONNECTIONS_MAX || (peer.login_too && peer_draw() % 16 == 15))
		return -1;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) != 0)
		abort();
	c = &peer.all[peer.nall++];
	*c = (struct connection){ .fd = pair[1] };
	buf_init(&c->in, STREAM_MAX);
	buf_init(&c->out, STREAM_MAX);
	buf_init(&c->seen, STREAM_MAX);
	buf_init(&c->fed, STREAM_MAX);
	buf_init(&c->command, STREAM_MAX);
	buf_init(&c->literal, STREAM_MAX);
	return pair[0];
}

static void close_one(struct connection *c)
{
	if (c->fd >= 0)
		(void)close(c->fd);
	c->fd = -1;
}

/* WORD in B from AT on, or B's end. */
static size_t find(const struct buf *b, size_t at, const char *word)
{
	const char *hit = at < b->n ? memmem(b->p + at, b->n - at, word, strlen(word)) : NULL;

	return hit == NULL ? b->n : (size_t)(hit - b->p);
}

/* Every message bears its id behind this, in the line that mailferry adds. */
static void note_sightings(struct connection *c)
{
	static const char mark[] = "SMTP id ";
	size_t at;

	while ((at = find(&c->seen, c->noted, mark)) + sizeof mark + PEER_ID < c->seen.n) {
		struct sighting *g;

		if (peer.nsightings == peer.sightings_room) {
			peer.sightings_room = peer.sightings_room * 2 + 64;
			peer.sightings = mem_resize(peer.sightings, peer.sightings_room, sizeof *peer.sightings);
		}
		g = &peer.sightings[peer.nsightings++];
		*g = (struct sighting){ .connection = (size_t)(c - peer.all), .at = at };
		memcpy(g->id, c->seen.p + at + sizeof mark - 1, PEER_ID);
		c->noted = at + 1;
	}
}

static void read_one(struct connection *c)
{
	char chunk[16 * 1024];
	ssize_t n;

	while (c->fd >= 0 && (n = read(c->fd, chunk, sizeof chunk)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n < 0)
			break;
		peer.moved = true;
		(void)buf_add(&c->in, chunk, (size_t)n);
		(void)buf_add(&c->seen, chunk, (size_t)n);
		note_sightings(c);
	}
	close_one(c);
}

static void write_one(struct connection *c)
{
	size_t most = c->slow ? 1 + (size_t)peer_draw() % 7 + c->out.n / 50 : c->out.n;

	while (c->fd >= 0 && c->out.n > 0 && most > 0) {
		size_t n = c->out.n < most ? c->out.n : most;
		ssize_t put = send(c->fd, c->out.p, n, MSG_NOSIGNAL);

		if (put < 0 && errno == EAGAIN)
			return;
		if (put < 0) {
			close_one(c);
			return;
		}
		peer.moved = true;
		(void)buf_add(&c->fed, c->out.p, (size_t)put);
		buf_consume(&c->out, (size_t)put);
		most -= (size_t)put;
	}
	if (c->hang_up && c->out.n == 0) {
		peer.moved = true;
		close_one(c);
	}
}

static void greet(struct connection *c)
{
	enum act act = peer.login_too ? (enum act)(peer_draw() % (ACTS + 12)) : 0;

	c->greeted = true;
	if (act == ACT_RAW)
		peer_say_raw(c, "*");
	else if (act == ACT_BYE)
		peer_say(c, "* BYE %s\r\n", peer_fault());
	else if (act == ACT_SILENT)
		c->silent = true;
	else
		peer_say(c, "* OK ready\r\n");
	c->hang_up = act == ACT_BYE || act == ACT_CUT_BEFORE;
}

static void late_comers(void)
{
	for (size_t i = 0; i < peer.nlater;) {
		struct later l = peer.later[i];

		if (l.at > peer.now) {
			i++;
			continue;
		}
		(void)peer_keep(&peer.folders[l.folder], l.id);
		peer.later[i] = peer.later[--peer.nlater];
	}
}

void peer_listen(void)
{
	for (size_t i = 0; i < peer.nall; i++)
		read_one(&peer.all[i]);
}

bool peer_step(int64_t now)
{
	peer.now = now;
	peer.moved = false;
	late_comers();
	for (size_t i = 0; i < peer.nall; i++) {
		struct connection *c = &peer.all[i];

		if (c->fd < 0)
			continue;
		if (!c->greeted)
			greet(c);
		read_one(c);
		while (peer_parse(c))
			;
		write_one(c);
	}
	return peer.moved;
}

/* ---- life ---- */

void peer_begin(const uint8_t *p, size_t n, struct peer_setup *setup)
{
	uint8_t b;

	peer.p = p;
	peer.n = n;
	peer.at = 0;
	peer.lied = false;
	peer.nall = peer.nfolders = peer.nkept = peer.nlater = 0;
	b = peer_draw();
	peer.abilities = b & 31;
	peer.login_too = (b & 32) != 0;
	setup->kind = b >> 6;
	b = peer_draw();
	/* So many that they are worth a second connection. */
	setup->deliveries = (1 + b % 12U) * (b >= 192 ? 10U : 1U);
	setup->connections = 1 + (b >> 4) % 3;
	b = peer_draw();
	setup->window = 1 + b % 16;
	setup->batch = 1 + (b >> 4) % 8;
	setup->size = 200 + (uint64_t)peer_draw() * 40;
	(void)peer_folder_make("INBOX");
	(void)peer_folder_make("Work");
	(void)peer_folder_make("Archive");
}

void peer_end(void)
{
	for (size_t i = 0; i < peer.nall; i++) {
		struct connection *c = &peer.all[i];

		close_one(c);
		buf_free(&c->in);
		buf_free(&c->out);
		buf_free(&c->seen);
		buf_free(&c->fed);
		buf_free(&c->command);
		buf_free(&c->literal);
	}
	for (size_t i = 0; i < peer.nfolders; i++)
		free(peer.folders[i].all);
	free(peer.sightings);
	peer.sightings = NULL;
	peer.nall = peer.nfolders = peer.nsightings = peer.sightings_room = 0;
}

/* ---- testimony ---- */

size_t peer_connections(void)
{
	return peer.nall;
}

bool peer_lied(void)
{
	return peer.lied;
}

unsigned peer_kept(const char *id)
{
	unsigned n = 0;

	for (size_t i = 0; i < peer.nkept; i++)
		n += strcmp(peer.kept[i], id) == 0;
	return n;
}

unsigned peer_seen(const char *id)
{
	unsigned n = 0;

	for (size_t i = 0; i < peer.nsightings; i++)
		n += strcmp(peer.sightings[i].id, id) == 0;
	return n;
}

bool peer_showed(const char *id)
{
	for (size_t i = 0; i < peer.nall; i++) {
		if (find(&peer.all[i].fed, 0, id) < peer.all[i].fed.n)
			return true;
	}
	return false;
}

/* The tag of the APPEND that the octet AT of B is in. */
static bool tag_at(const struct buf *b, size_t at, char out[24])
{
	static const char word[] = " APPEND ";

	for (; at > 0; at--) {
		size_t n = 0;

		if (at + sizeof word > b->n || memcmp(b->p + at, word, sizeof word - 1) != 0)
			continue;
		while (n < at && n < 20 && ascii_is_digit(b->p[at - n - 1]))
			n++;
		memcpy(out, b->p + at - n, n);
		out[n] = '\0';
		return n > 0;
	}
	return false;
}

static bool said(const struct buf *b, const char *tag, const char *word)
{
	size_t n = strlen(tag);

	for (size_t at = find(b, 0, tag); at < b->n; at = find(b, at + 1, tag)) {
		size_t next = at + n;

		while (next < b->n && b->p[next] == ' ')
			next++;
		if (next + strlen(word) <= b->n && strncasecmp(b->p + next, word, strlen(word)) == 0)
			return true;
	}
	return false;
}

bool peer_answered(const char *id, const char *word, bool last)
{
	bool yes = false;

	for (size_t i = 0; i < peer.nsightings; i++) {
		const struct sighting *g = &peer.sightings[i];
		const struct connection *c = &peer.all[g->connection];
		char tag[24];
		bool this;

		if (strcmp(g->id, id) != 0)
			continue;
		this = tag_at(&c->seen, g->at, tag) && said(&c->fed, tag, word);
		yes = last ? this : yes || this;
	}
	return yes;
}
