/* Which folders of the source are meant. */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "fetch/folder_match.h"
#include "fetch/imap_session.h"
#include "imap/mailbox.h"
#include "imap/utf7.h"
#include "msg/special_use.h"

struct picking {
	struct source_session *s;
	const struct catalog *catalog;
	char *const *patterns;
	size_t npatterns;
	char *target;	/* of move_to, on the wire; NULL: none */
	unsigned guess; /* uses that no folder has by attribute: names tell */
	struct source_folder *out;
	size_t n;
};

static bool is_text(const char *wire)
{
	for (const char *c = wire; *c != '\0'; c++)
		if ((*c > 0 && *c < ' ') || *c == 0x7f)
			return false;
	return utf8_valid(slice_str(wire));
}

/* WIRE as the server means it: from mem_alloc, NULL when it is no text. */
static char *decode(const char *wire)
{
	struct buf b;
	char *name = NULL;

	if (folder_is_inbox(wire))
		return mem_strdup("INBOX");
	/* One that is longer than the memory takes would end the run: it stays as it is on the wire, which is not. */
	buf_init(&b, FOLDER_NAME_MAX * 3);
	if (utf7_decode(slice_str(wire), &b) == 0)
		name = mem_strdup(buf_str(&b));
	else if (is_text(wire))
		name = mem_strdup(wire); /* servers of old write what they have */
	buf_free(&b);
	return name;
}

/* Octets of NAME that are the prefix of the personal namespace. */
static size_t prefix_of(const struct source_session *s, const char *wire, const char *name)
{
	const char *prefix = imap_style(s->imap)->own.prefix;
	size_t n = strlen(prefix);

	return n > 0 && strchr(prefix, '&') == NULL && strlen(wire) > n && strncmp(wire, prefix, n) == 0 &&
		       strncmp(name, prefix, n) == 0
		   ? n
		   : 0;
}

static const struct source_folder *find(const struct picking *p, const char *name)
{
	for (size_t i = 0; i < p->n; i++)
		if (strcmp(p->out[i].name, name) == 0)
			return &p->out[i];
	return NULL;
}

/* Takes NAME. */
static int add(struct picking *p, char *name, const char *wire, unsigned uses, struct err *e)
{
	struct source_session *s = p->s;
	size_t prefix;

	if (find(p, name) != NULL) {
		log_warning("folder-twice", LOG_STR("source", s->login.source->name), LOG_STR("folder", name));
		free(name);
		return 0;
	}
	if (p->n == SOURCE_FOLDERS_MAX) {
		free(name);
		return err_set(e, ERR_CONFIG, 0, "`folders' means more than %d folders of %s; name fewer",
			       (int)SOURCE_FOLDERS_MAX, s->login.source->server.host);
	}
	p->out = mem_resize(p->out, p->n + 1, sizeof *p->out);
	p->out[p->n++] = (struct source_folder){ .name = name,
						 .separator = folder_separator(imap_style(s->imap), wire, &prefix),
						 .prefix = prefix_of(s, wire, name),
						 .uses = uses,
						 .target = p->target != NULL && strcmp(p->target, wire) == 0 };
	s->names = mem_resize(s->names, s->nnames + 1, sizeof *s->names);
	s->names[s->nnames++] = (struct imap_name){ .name = mem_strdup(name), .wire = mem_strdup(wire) };
	return 0;
}

static int add_listed(struct picking *p, const struct catalog_folder *f, struct err *e)
{
	struct folder_known known = { .people = f->name };
	char *name;
	size_t prefix;

	if (!f->select)
		return 0;
	name = decode(f->wire);
	if (name == NULL) {
		log_warning("folder-no-text", LOG_STR("source", p->s->login.source->name), LOG_STR("folder", f->wire));
		return 0;
	}
	known.name = name;
	known.separator = folder_separator(imap_style(p->s->imap), f->wire, &prefix);
	known.uses = f->uses | (f->guess & p->guess);
	if (folder_is_meant(p->patterns, p->npatterns, &known))
		return add(p, name, f->wire, f->uses != 0 ? f->uses : f->guess & ~(unsigned)USE_VIEWS, e);
	free(name);
	return 0;
}

/* A name or use that LIST does not have: enter says so, for a person to see. */
static int add_missing(struct picking *p, const char *pattern, struct err *e)
{
	unsigned use = special_use_of(slice_str(pattern));
	struct err why;
	char *wire;
	int ret;

	for (size_t i = 0; i < p->catalog->n; i++) {
		const struct catalog_folder *f = &p->catalog->all[i];
		char *name = decode(f->wire);
		struct folder_known known = { .name = name == NULL ? "" : name, .people = f->name };
		size_t prefix;
		bool hit;

		known.separator = folder_separator(imap_style(p->s->imap), f->wire, &prefix);
		known.uses = f->uses | (f->guess & p->guess);
		hit = f->select && folder_pattern_matches(pattern, &known);
		free(name);
		if (hit)
			return 0; /* it is there, or was left out */
	}
	if (use != 0) {
		p->out = mem_resize(p->out, p->n + 1, sizeof *p->out);
		p->out[p->n++] = (struct source_folder){ .name = mem_strdup(special_use_name(use)), .uses = use };
		return 0;
	}
	wire = folder_to_wire(imap_style(p->s->imap), pattern, &why);
	if (wire == NULL)
		return err_set(e, ERR_CONFIG, 0, "folder %s: %s", pattern, why.text);
	ret = add(p, mem_strdup(pattern), wire, 0, e);
	free(wire);
	return ret;
}

static int pick(struct picking *p, struct err *e)
{
	for (size_t i = 0; i < p->npatterns; i++) {
		const char *pattern = p->patterns[i] + (p->patterns[i][0] == '!');
		unsigned use = special_use_of(slice_str(pattern));

		if (use != 0 && catalog_use(p->catalog, use) == NULL)
			p->guess |= use;
	}
	for (size_t i = 0; i < p->catalog->n; i++)
		if (add_listed(p, &p->catalog->all[i], e) != 0)
			return -1;
	for (size_t i = 0; i < p->npatterns; i++)
		if (p->patterns[i][0] != '!' && strpbrk(p->patterns[i], "*%") == NULL &&
		    add_missing(p, p->patterns[i], e) != 0)
			return -1;
	return 0;
}

/* What names mean is the server's business only where there are others than INBOX: no LIST then. */
static bool is_inbox_only(const struct config_source *c)
{
	for (size_t i = 0; i < c->nfolders; i++)
		if (!folder_is_inbox(c->folders[i]))
			return false;
	return true;
}

static void forget_names(struct source_session *s)
{
	for (size_t i = 0; i < s->nnames; i++) {
		free(s->names[i].name);
		free(s->names[i].wire);
	}
	s->nnames = 0;
}

int imap_source_folders(struct source_session *s, struct source_folder **folders, size_t *n, struct err *e)
{
	const struct config_source *c = s->login.source;
	struct picking p = { .s = s, .patterns = c->folders, .npatterns = c->nfolders };
	int ret;

	*folders = NULL;
	*n = 0;
	forget_names(s);
	s->wants = (struct imap_wants){ .section = NULL };
	if (is_inbox_only(c)) {
		ret = add(&p, mem_strdup("INBOX"), "INBOX", 0, e);
	} else {
		if (mailbox_catalog(s->imap, true, &p.catalog, e) != 0)
			return imap_source_failed(s, e);
		if (!p.catalog->known)
			return err_set(e, ERR_TEMP, 0, "%s does not tell its folders", c->server.host);
		if (p.catalog->cut)
			log_warning("folders-cut", LOG_STR("source", c->name));
		/* A name that can't be one is told when something is to be moved there. */
		p.target = c->move_to == NULL ? NULL : imap_source_target(s, c->move_to, NULL);
		ret = pick(&p, e);
	}
	free(p.target);
	if (ret == 0 && s->nnames > 1)
		ret = imap_source_ahead(s, e);
	if (ret != 0) {
		source_folders_free(p.out, p.n);
		return -1;
	}
	*folders = p.out;
	*n = p.n;
	return 0;
}
