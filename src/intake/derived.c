/* What rules want of a message besides the message: which further ones, and where they go. */
#include "intake/derived.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"

enum { WHY_MAX = 400 };

static struct intake_derived *add(struct intake_derivation *f, size_t cause, uint64_t octets)
{
	struct intake_derived *x;

	x = mem_alloc(sizeof *x);
	random_id(x->id);
	x->cause = cause;
	x->fd = -1;
	buf_init(&x->body, SPOOL_BUNDLED_MAX);
	f->all = mem_resize(f->all, f->n + 1, sizeof *f->all);
	f->all[f->n++] = x;
	f->octets += octets;
	return x;
}

static bool fits(const struct intake_derivation *f, const struct plan_content *content)
{
	return f->n < SPOOL_FURTHER_MAX && content->size <= f->largest && content->size <= f->most - f->octets;
}

struct intake_derived *intake_derive_copy(struct intake_derivation *f, size_t cause, const struct plan_content *content)
{
	struct intake_derived *x;

	if (!fits(f, content)) {
		f->overflow = true;
		return NULL;
	}
	x = add(f, cause, content->size);
	x->content = content;
	x->copy = true;
	return x;
}

struct intake_derived *intake_derive_own(struct intake_derivation *f, size_t cause, struct plan_content *content)
{
	struct intake_derived *x;

	if (!fits(f, content)) {
		plan_content_free(content);
		return NULL;
	}
	x = add(f, cause, content->size);
	x->own = *content;
	x->content = &x->own;
	*content = (struct plan_content){ 0 };
	return x;
}

/* ---- copies ---- */

/* Two addresses of one account get the same words once, as they get the message once. */
static struct intake_derived *find_copy(const struct intake_derivation *f, const struct intake_message *m,
					const struct config_account *account, const struct plan_content *content)
{
	for (size_t i = 0; i < f->n; i++)
		if (f->all[i]->copy && m->env.recipients[f->all[i]->cause].account == account &&
		    plan_content_same(f->all[i]->content, content))
			return f->all[i];
	return NULL;
}

void intake_derive_plan(struct intake_derivation *f, const struct intake_message *m, size_t i)
{
	const struct intake_verdict *v = &m->verdicts[i];
	const struct config_account *account = m->env.recipients[i].account;

	for (size_t c = 1; c <= v->plan.ncontents; c++) {
		struct intake_derived *x;

		if (!intake_files(&v->plan, c))
			continue;
		x = find_copy(f, m, account, &v->plan.contents[c - 1]);
		if (x == NULL)
			x = intake_derive_copy(f, i, &v->plan.contents[c - 1]);
		if (x == NULL)
			return;
		if (x->why == NULL)
			x->why = mem_printf("%.*s, as the rules changed it", WHY_MAX, v->text);
		intake_deliver(&x->deliveries, account, i, v, c);
	}
}

/* ---- deliveries ---- */

static int finish(struct intake_derived *x, const struct intake_message *m, int64_t wall_ms)
{
	const struct intake_outward outward = { .message = x->id };
	struct intake_envelope env = m->env;
	struct intake_lines lines = m->lines;

	if (x->sender != NULL)
		env.sender = x->sender;
	if (!x->copy)
		lines = (struct intake_lines){ true, true, true };
	/* It did not come by the way that the message came. */
	if (x->apart) {
		env.protocol = "rules";
		env.tls_version = env.tls_cipher = NULL;
	}
	return x->deliveries.overflow ? -1
				      : intake_deliveries_finish(&x->deliveries, m->in, &env, lines, &outward, wall_ms);
}

/* One that goes nowhere is none. */
static void drop_idle(struct intake_derivation *f, struct intake_message *m)
{
	size_t n = 0;

	for (size_t i = 0; i < f->n; i++) {
		if (f->all[i]->deliveries.n > 0)
			f->all[n++] = f->all[i];
		else
			intake_derived_free(f->all[i], m);
	}
	f->n = n;
}

int intake_derivation_finish(struct intake_derivation *f, struct intake_message *m, int64_t wall_ms)
{
	drop_idle(f, m);
	for (size_t i = 0; i < f->n; i++)
		if (finish(f->all[i], m, wall_ms) != 0)
			return -1;
	return f->overflow ? -1 : 0;
}

size_t intake_derivation_octets(const struct intake_derivation *f)
{
	size_t n = 0;

	for (size_t i = 0; i < f->n; i++)
		n += intake_deliveries_octets(&f->all[i]->deliveries);
	return n;
}

size_t intake_derivation_deliveries(const struct intake_derivation *f)
{
	size_t n = 0;

	for (size_t i = 0; i < f->n; i++)
		n += f->all[i]->deliveries.n;
	return n;
}

/* ---- the end ---- */

void intake_derived_free(struct intake_derived *x, struct intake_message *m)
{
	if (x->upload != 0)
		m->in->functions->upload_drop(m->in->spool, x->upload);
	file_close(&x->fd);
	plan_content_free(&x->own);
	free(x->sender);
	free(x->why);
	free(x->from);
	free(x->subject);
	free(x->message_id);
	intake_deliveries_free(&x->deliveries);
	buf_free(&x->body);
	free(x);
}

void intake_derivation_free(struct intake_derivation *f, struct intake_message *m)
{
	if (f->opening != 0)
		m->in->functions->cancel(m->in->spool, f->opening);
	for (size_t i = 0; i < f->n; i++)
		intake_derived_free(f->all[i], m);
	free(f->all);
	m->in->making -= f->counted;
	*f = (struct intake_derivation){ 0 };
}
