/* Plans become deliveries: one for each folder of an account, however many recipients and rules want it there. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "intake/internal.h"
#include "msg/flag.h"
#include "msg/received.h"
#include "msg/special_use.h"
#include "sieve/mailbox_name.h"
#include "spool/types.h"

enum { FLAGS_MAX = 1000, RULE_MAX = 500, NOTE_MAX = 500, FOLDER_MAX = 1000 };

/* A folder that an IMAP store can be asked for at all. */
static bool is_folder(const char *name)
{
	struct slice s = slice_str(name);

	if (s.n == 0 || s.n > FOLDER_MAX || !utf8_valid(s))
		return false;
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < ' ' || s.p[i] == 0x7f)
			return false;
	return true;
}

/* A system flag as IMAP spells it, a keyword as it stands, or nothing (RFC 9051, 2.3.2: \Recent is not ours to set). */
static struct slice clean_flag(struct slice flag)
{
	const struct slice system = flag_system(flag);

	if (system.n > 0)
		return system;
	return flag_is_keyword(flag) ? flag : SLICE_NONE;
}

static bool has_flag(const struct buf *flags, struct slice flag)
{
	struct slice rest = buf_slice(flags);

	while (rest.n > 0) {
		size_t end = slice_find(rest, ' ');

		if (slice_eq_nocase(slice_of(rest.p, end), flag))
			return true;
		end = end < rest.n ? end + 1 : end;
		rest = slice_of(rest.p + end, rest.n - end);
	}
	return false;
}

/* Appends WORD behind SEPARATOR if it fits whole. */
static void append(struct buf *b, const char *separator, struct slice word)
{
	size_t gap = b->n > 0 ? strlen(separator) : 0;

	if (word.n == 0 || word.n + gap > b->max - b->n)
		return;
	if (gap > 0)
		(void)buf_add_str(b, separator);
	(void)buf_add_slice(b, word);
}

static struct intake_delivery *find(struct intake_deliveries *d, const struct config_account *account,
				    const char *folder)
{
	struct intake_delivery *new;

	for (size_t i = 0; i < d->n; i++)
		if (d->all[i].account == account && mailbox_name_same(slice_str(d->all[i].folder), slice_str(folder)))
			return &d->all[i];
	if (d->n == SPOOL_DELIVERIES_MAX) {
		d->overflow = true;
		return NULL;
	}
	d->all = mem_resize(d->all, d->n + 1, sizeof *d->all);
	new = &d->all[d->n++];
	*new = (struct intake_delivery){ .account = account, .folder = mem_strdup(folder) };
	buf_init(&new->flags, FLAGS_MAX);
	buf_init(&new->rule, RULE_MAX);
	buf_init(&new->note, NOTE_MAX);
	buf_init(&new->prefix, SPOOL_PREFIX_MAX);
	return new;
}

static void add(struct intake_deliveries *d, const struct config_account *account, const char *folder, size_t to,
		char *const *flags, size_t nflags, bool create, const char *rule, const char *note)
{
	const bool inbox = slice_eq_nocase(slice_str(folder), SLICE_LIT("INBOX"));
	struct intake_delivery *x = find(d, account, inbox ? "INBOX" : folder);

	if (x == NULL)
		return;
	for (size_t i = 0; i < nflags; i++) {
		struct slice flag = clean_flag(slice_str(flags[i]));

		if (flag.n > 0 && !has_flag(&x->flags, flag))
			append(&x->flags, " ", flag);
	}
	x->create = x->create || create;
	if (rule != NULL && (x->rule.n == 0 || strstr(buf_str(&x->rule), rule) == NULL))
		append(&x->rule, ", ", slice_str(rule));
	if (note != NULL && (x->note.n == 0 || strstr(buf_str(&x->note), note) == NULL))
		append(&x->note, "; ", slice_str(note));
	if (x->nto > 0 && x->to[x->nto - 1] == to)
		return;
	x->to = mem_resize(x->to, x->nto + 1, sizeof *x->to);
	x->to[x->nto++] = to;
}

void intake_deliver_inbox(struct intake_deliveries *d, const struct config_account *account, size_t to,
			  char *const *flags, size_t nflags, const char *rule, const char *note)
{
	add(d, account, "INBOX", to, flags, nflags, false, rule, note);
}

void intake_deliver_folder(struct intake_deliveries *d, const struct config_account *account, size_t to,
			   const char *folder, const char *note)
{
	if (is_folder(folder))
		add(d, account, folder, to, NULL, 0, true, NULL, note);
	else
		intake_deliver_inbox(d, account, to, NULL, 0, NULL, note);
}

/* "office.sieve:12", from mem_alloc. */
static char *rule_name(const struct config_account *account, unsigned line)
{
	const char *path = account->rules == NULL ? "" : account->rules;
	const char *slash = strrchr(path, '/');

	return mem_printf("%.200s:%u", slash == NULL ? path : slash + 1, line);
}

void intake_deliver_fcc(struct intake_deliveries *d, const struct config_account *account, size_t to,
			const struct plan_fcc *fcc, unsigned line)
{
	char *rule = rule_name(account, line);
	const bool by_use = fcc->special_use != NULL && special_use_of(slice_str(fcc->special_use)) != 0;
	/* A folder by its use, or else by its name (msg/special_use.h); by its name, too, where nobody knows the use (RFC 8579,
	 * 4). */
	char *folder = by_use ? mem_printf("%s:%s", fcc->special_use, fcc->mailbox) : mem_strdup(fcc->mailbox);

	if (is_folder(folder))
		add(d, account, folder, to, fcc->flags, fcc->nflags, fcc->create, rule, NULL);
	else
		intake_deliver_inbox(d, account, to, fcc->flags, fcc->nflags, rule,
				     "the rule names a folder that no store can have");
	free(folder);
	free(rule);
}

void intake_deliveries_flags(struct intake_deliveries *d, const char *flags)
{
	struct slice rest = slice_str(flags);

	while (rest.n > 0) {
		const size_t end = slice_find(rest, ' ');
		const struct slice flag = clean_flag(slice_of(rest.p, end));

		for (size_t i = 0; i < d->n && flag.n > 0 && !slice_eq(flag, SLICE_LIT("\\Deleted")); i++)
			if (!has_flag(&d->all[i].flags, flag))
				append(&d->all[i].flags, " ", flag);
		rest = slice_skip(rest, end < rest.n ? end + 1 : end);
	}
}

void intake_deliveries_note(struct intake_deliveries *d, const char *note)
{
	for (size_t i = 0; i < d->n; i++)
		append(&d->all[i].note, "; ", slice_str(note));
}

void intake_deliveries_note_of(struct intake_deliveries *d, const struct config_account *account, const char *note)
{
	for (size_t i = 0; i < d->n; i++)
		if (d->all[i].account == account)
			append(&d->all[i].note, "; ", slice_str(note));
}

void intake_deliver_outward(struct intake_deliveries *d, size_t to, const char *address)
{
	add(d, NULL, address, to, NULL, 0, false, NULL, NULL);
}

void intake_deliver_asking(struct intake_deliveries *d, size_t to, const char *address, const char *words)
{
	const size_t before = d->n;

	intake_deliver_outward(d, to, address);
	if (d->n > before)
		append(&d->all[before].flags, " ", slice_str(words));
}

static bool is_filing(const struct plan_action *a)
{
	return a->kind == PLAN_KEEP || a->kind == PLAN_FILEINTO;
}

/* Which content is filed first; SIZE_MAX: nothing is. */
static size_t first_content(const struct plan *p)
{
	if (p->implicit_keep)
		return p->keep_content;
	for (size_t i = 0; i < p->n; i++)
		if (is_filing(&p->actions[i]))
			return p->actions[i].content;
	return SIZE_MAX;
}

bool intake_files(const struct plan *p, size_t content)
{
	if (p->implicit_keep && p->keep_content == content)
		return true;
	for (size_t i = 0; i < p->n; i++)
		if (is_filing(&p->actions[i]) && p->actions[i].content == content)
			return true;
	return false;
}

void intake_deliver(struct intake_deliveries *d, const struct config_account *account, size_t to,
		    const struct intake_verdict *v, size_t content)
{
	const struct plan *p = &v->plan;
	/* What concerns the whole message is told once, on the first delivery for this recipient. */
	const char *note = first_content(p) == content ? v->note : NULL;
	bool filed = false;

	if (p->implicit_keep && p->keep_content == content) {
		intake_deliver_inbox(d, account, to, p->keep_flags, p->nkeep_flags, NULL, note);
		filed = true;
	}
	for (size_t i = 0; i < p->n; i++) {
		const struct plan_action *a = &p->actions[i];
		char *rule = rule_name(account, a->line);

		if (is_filing(a) && a->content != content) {
			/* not this one */
		} else if (a->kind == PLAN_KEEP || (a->kind == PLAN_FILEINTO && is_folder(a->mailbox))) {
			add(d, account, a->kind == PLAN_KEEP ? "INBOX" : a->mailbox, to, a->flags, a->nflags, a->create,
			    rule, filed ? NULL : note);
			filed = true;
		} else if (a->kind == PLAN_FILEINTO) {
			intake_deliver_inbox(d, account, to, a->flags, a->nflags, rule,
					     "the rule names a folder that no store can have");
			filed = true;
		}
		free(rule);
	}
	if (v->unsent != NULL && content == 0 && first_content(p) == SIZE_MAX)
		intake_deliver_inbox(d, account, to, NULL, 0, NULL, v->note);
}

/* The lines of what goes out: the same for all, as they get it together, and none but what strangers may know. */
static int outward_lines(struct intake_delivery *x, const struct received_info *base, const struct intake_outward *o)
{
	struct received_info info = *base;
	char date[CLOCK_RFC5322_SIZE];

	info.nto = 0;
	info.id = slice_str(o->message);
	info.without_path = info.without_delivered = info.without_client = true;
	if (received_lines(&info, &x->prefix) != 0)
		return -1;
	/* RFC 6409, 8.2 and 8.3 */
	clock_rfc5322(info.time, date);
	if (o->without_date)
		(void)buf_addf(&x->prefix, "Date: %s\r\n", date);
	if (o->without_id)
		(void)buf_addf(&x->prefix, "Message-ID: <%s@%.*s>\r\n", o->message, (int)info.hostname.n, info.hostname.p);
	if (o->bare)
		(void)buf_add_str(&x->prefix, "\r\n");
	return buf_failed(&x->prefix) ? -1 : 0;
}

int intake_deliveries_finish(struct intake_deliveries *d, const struct intake *in, const struct intake_envelope *env,
			     struct intake_lines lines, const struct intake_outward *outward, int64_t wall_ms)
{
	struct slice *to = mem_array(env->nrecipients, sizeof *to);
	int r = 0;

	for (size_t i = 0; i < d->n && r == 0; i++) {
		struct intake_delivery *x = &d->all[i];
		struct received_info info = {
			.hostname = slice_str(in->config->hostname),
			.helo = slice_str(env->helo),
			.ip = slice_str(env->ip),
			.protocol = slice_str(env->protocol),
			.tls_version = slice_str(env->tls_version),
			.tls_cipher = slice_str(env->tls_cipher),
			.tls_bits = env->tls_bits,
			.sender = slice_str(env->sender),
			.to = to,
			.nto = x->nto,
			.time = (time_t)(wall_ms / 1000),
			.utf8 = env->utf8,
			.without_path = lines.without_path,
			.without_delivered = lines.without_delivered,
			.without_client = lines.ours,
		};

		/* A copy is for nobody: it only moves house. */
		if (lines.ours || (env->fetched != NULL && env->fetched->folder != NULL))
			info.nto = 0;
		for (size_t j = 0; j < info.nto; j++)
			to[j] = slice_str(env->recipients[x->to[j]].address);
		timed_id(x->id);
		info.id = slice_str(x->id);
		r = x->account == NULL ? outward_lines(x, &info, outward) : received_lines(&info, &x->prefix);
	}
	free(to);
	return r;
}

size_t intake_deliveries_octets(const struct intake_deliveries *d)
{
	size_t n = 0;

	for (size_t i = 0; i < d->n; i++)
		n += d->all[i].prefix.n + strlen(d->all[i].folder) + d->all[i].flags.n + d->all[i].rule.n +
		     d->all[i].note.n;
	return n;
}

void intake_deliveries_free(struct intake_deliveries *d)
{
	for (size_t i = 0; i < d->n; i++) {
		struct intake_delivery *x = &d->all[i];

		free(x->folder);
		free(x->to);
		free(x->wire);
		buf_free(&x->flags);
		buf_free(&x->rule);
		buf_free(&x->note);
		buf_free(&x->prefix);
	}
	free(d->all);
	*d = (struct intake_deliveries){ 0 };
}
