#include "fetch/changes.h"

#include <string.h>

enum { TEXT_MAX = ORIGIN_BATCH_MAX * 4096 };

void changes_init(struct changes *c, struct spool_source *memory)
{
	c->memory = memory;
	c->n = 0;
	buf_init(&c->text, TEXT_MAX);
}

void changes_free(struct changes *c)
{
	buf_free(&c->text);
	c->n = 0;
}

/* Texts move as their buffer grows, so that until the commit they are known by offset. */
static size_t keep(struct changes *c, const char *s)
{
	size_t at;

	if (s == NULL || *s == '\0')
		return 0;
	if (c->text.n == 0)
		(void)buf_add_char(&c->text, '\0');
	at = c->text.n;
	return buf_add(&c->text, s, strlen(s) + 1) == 0 ? at : 0;
}

int changes_add(struct changes *c, enum origin_act act, const struct spool_origin *o, struct err *e)
{
	if (c->memory == NULL)
		return 0;
	if (c->n == ORIGIN_BATCH_MAX && changes_flush(c, e) != 0)
		return -1;
	c->all[c->n] = (struct origin_change){ act, *o };
	c->name[c->n] = keep(c, o->name);
	c->reason[c->n] = keep(c, o->reason);
	if (buf_failed(&c->text))
		return err_set(e, ERR_LIMIT, 0, "no memory for what is to be remembered");
	c->n++;
	return 0;
}

int changes_row(struct changes *c, enum origin_act act, int64_t number, struct err *e)
{
	const struct spool_origin o = { .number = number };

	return changes_add(c, act, &o, e);
}

size_t changes_room(const struct changes *c)
{
	return ORIGIN_BATCH_MAX - c->n;
}

int changes_flush(struct changes *c, struct err *e)
{
	const size_t n = c->n;
	int r;

	if (n == 0)
		return 0;
	for (size_t i = 0; i < n; i++) {
		c->all[i].o.name = c->name[i] == 0 ? "" : c->text.p + c->name[i];
		c->all[i].o.reason = c->reason[i] == 0 ? NULL : c->text.p + c->reason[i];
	}
	r = spool_source_change(c->memory, c->all, n, e);
	c->n = 0;
	buf_clear(&c->text);
	return r;
}
