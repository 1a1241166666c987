#include "fetch_fake_impl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"

/* ---- contents ---- */
unsigned fake_content_of(struct fake_world *w, const char *text)
{
	struct fake_content *c = &w->contents[w->ncontents];
	const char *end = strstr(text, "\r\n\r\n");

	if (w->ncontents == FAKE_CONTENTS)
		abort();
	c->bytes = mem_strdup(text);
	c->n = strlen(text);
	c->head = end == NULL ? c->n : (size_t)(end - text) + 4;
	return w->ncontents++;
}

unsigned fake_content(struct fake_world *w, bool named, size_t body)
{
	const unsigned id = w->ncontents;
	struct buf b;
	unsigned r;

	buf_init(&b, body + 2000);
	(void)buf_addf(&b, "From: a@example.org\r\nTo: office@office.example\r\nSubject: message %u\r\n",
		       named ? id : 0);
	if (named)
		(void)buf_addf(&b, "Message-ID: <%u@example.org>\r\n", id);
	else /* what the alarm panel's server wrote: not all are told apart by it */
		(void)buf_addf(&b, "X-Panel: %u\r\n", id);
	(void)buf_addf(&b, "\r\nbody of content %u\r\n", id);
	while (b.n < body)
		(void)buf_add_str(&b, "0123456789012345678901234567890123456789012345678901234567890\r\n");
	r = fake_content_of(w, buf_str(&b));
	buf_free(&b);
	return r;
}

unsigned fake_content_find(const struct fake_world *w, struct slice bytes)
{
	for (unsigned i = 0; i < w->ncontents; i++)
		if (slice_eq(slice_of(w->contents[i].bytes, w->contents[i].n), bytes))
			return i;
	return UINT32_MAX;
}

/* ---- the mailbox ---- */
static void new_name(struct fake_world *w, struct fake_message *m)
{
	if (w->imap || w->no_names)
		m->name[0] = '\0';
	else if (w->content_names)
		(void)snprintf(m->name, sizeof m->name, "content-%u-%u", w->folders[0].uidvalidity, m->content);
	else
		(void)snprintf(m->name, sizeof m->name, "%08x", ++w->serial);
}

struct fake_message *fake_arrive(struct fake_world *w, size_t folder, unsigned content)
{
	struct fake_folder *f = &w->folders[folder];
	struct fake_message *m;

	if (f->n == f->cap) {
		f->cap = f->cap == 0 ? 16 : f->cap * 2;
		f->all = mem_resize(f->all, f->cap, sizeof *f->all);
	}
	m = &f->all[f->n++];
	*m = (struct fake_message){ .content = content,
				    .uid = f->uidnext++,
				    .size = w->contents[content].n,
				    .internal_ms = w->imap ? clock_wall_ms() : 0,
				    .flags = "" };
	new_name(w, m);
	f->modseq++;
	w->contents[content].arrived++;
	return m;
}

void fake_take_out(struct fake_folder *f, size_t i)
{
	memmove(&f->all[i], &f->all[i + 1], (f->n - i - 1) * sizeof *f->all);
	f->n--;
	f->modseq++;
}

void fake_lose(struct fake_world *w, size_t folder, size_t i)
{
	w->contents[w->folders[folder].all[i].content].lost++;
	fake_take_out(&w->folders[folder], i);
}

void fake_shift(struct fake_world *w, size_t folder, size_t i, size_t to)
{
	const struct fake_message m = w->folders[folder].all[i];
	struct fake_message *new;

	fake_take_out(&w->folders[folder], i);
	new = fake_arrive(w, to, m.content);
	w->contents[m.content].arrived--;
	new->size = m.size;
}

void fake_rename_all(struct fake_world *w, size_t folder)
{
	struct fake_folder *f = &w->folders[folder];

	f->uidvalidity++;
	f->modseq = 1;
	for (size_t i = 0; i < f->n; i++) {
		f->all[i].uid = (uint32_t)(i + 1) * 2;
		new_name(w, &f->all[i]);
	}
	f->uidnext = (uint32_t)(f->n + 1) * 2;
}

size_t fake_present(const struct fake_world *w, unsigned content)
{
	size_t n = 0;

	for (size_t k = 0; k < FAKE_FOLDERS; k++)
		for (size_t i = 0; i < w->folders[k].n; i++)
			n += w->folders[k].all[i].content == content;
	return n;
}
