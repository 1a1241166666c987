#include "fake_spool.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/slice.h"
#include "spool/client.h"
#include "spool/state.h"

struct fake_faults fake_faults;
struct fake_pace fake_pace;
bool fake_forged, fake_one_id;

/* What changes of a delivery: all of it goes to the state file. */
struct record {
	int64_t due, doubt;
	enum delivery_state state;
	uint32_t uidvalidity, uid, floor_uidvalidity, floor_uidnext;
	int attempts, outcomes;
	bool has_floor;
	char folder[300], floor_folder[300], reason[700];
};

struct delivery {
	struct record r;
	int64_t number;
	char id[20], flags[200], prefix[200];
	uint64_t size;
	bool create, taken;
};

static struct account_record {
	int64_t hold_until;
	int attempts, holds;
	char reason[700];
} account;

static struct delivery *all;
static size_t count;
static size_t most_settled; /* outcomes told at once */
static const char *state_path;
static bool woken;

static void copy(char *to, size_t size, const char *from)
{
	(void)snprintf(to, size, "%s", from == NULL ? "" : from);
}

void fake_spool_add(const char *folder, const char *flags, uint64_t size, bool create)
{
	struct delivery *d;

	all = mem_resize(all, count + 1, sizeof *all);
	d = &all[count++];
	*d = (struct delivery){ .number = (int64_t)count, .size = size, .create = create };
	d->r.state = DELIVERY_QUEUED;
	copy(d->r.folder, sizeof d->r.folder, folder);
	copy(d->flags, sizeof d->flags, flags);
	(void)snprintf(d->id, sizeof d->id, "delivery%08zu", count);
	(void)snprintf(d->prefix, sizeof d->prefix,
		       "Received: from client.example by mail.office.example with SMTP id %s;\r\n"
		       "\tMon, 23 Nov 2026 12:00:00 +0000\r\n",
		       d->id);
}

void fake_spool_add_file(const char *path)
{
	char line[1000], *at, *folder, *flags, *size;
	FILE *f = fopen(path, "re");
	uint64_t n;

	if (f == NULL)
		exit(66);
	while (fgets(line, sizeof line, f) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		at = line;
		folder = strsep(&at, "\t");
		flags = strsep(&at, "\t");
		size = strsep(&at, "\t");
		if (size == NULL || slice_number(slice_str(size), INT32_MAX, &n) != 0)
			exit(65);
		fake_spool_add(folder, flags, n, at != NULL && strcmp(at, "create") == 0);
	}
	(void)fclose(f);
}

/* ---- the state file ---- */

static void save(void)
{
	char path[4096];
	FILE *f;

	if (state_path == NULL)
		return;
	(void)snprintf(path, sizeof path, "%s.new", state_path);
	f = fopen(path, "we");
	if (f == NULL || fwrite(&account, sizeof account, 1, f) != 1)
		abort();
	for (size_t i = 0; i < count; i++) {
		if (fwrite(&all[i].r, sizeof all[i].r, 1, f) != 1)
			abort();
	}
	if (fclose(f) != 0 || rename(path, state_path) != 0)
		abort();
}

void fake_spool_keep(const char *path)
{
	FILE *f = fopen(path, "re");

	state_path = path;
	if (f == NULL) {
		save();
		return;
	}
	if (fread(&account, sizeof account, 1, f) != 1)
		abort();
	for (size_t i = 0; i < count; i++) {
		if (fread(&all[i].r, sizeof all[i].r, 1, f) != 1)
			abort();
	}
	(void)fclose(f);
}

/* ---- work ---- */

/* The real spool refuses any other change, and the worker then gives up. */
static void enter(struct delivery *d, enum delivery_state to, enum state_actor by)
{
	if (!state_legal((int)d->r.state, (int)to, by)) {
		(void)fprintf(stderr, "a store can't make %s of %s\n", delivery_state_name(to),
			      delivery_state_name(d->r.state));
		abort();
	}
	d->r.state = to;
}

static void wake(void)
{
	if (woken)
		return;
	woken = true;
	for (size_t i = 0; i < count; i++) {
		struct delivery *d = &all[i];

		if (d->r.state != DELIVERY_FLIGHT)
			continue;
		enter(d, DELIVERY_DOUBT, ACTOR_SPOOL);
		d->r.due = d->r.doubt = clock_wall_ms();
		d->r.attempts++;
		copy(d->r.reason, sizeof d->r.reason, "the store program ended before it knew the outcome");
	}
	save();
}

static void give(struct delivery *d, struct spool_work *w)
{
	d->taken = true;
	*w = (struct spool_work){ .number = d->number,
				  .message = d->number,
				  .id = mem_strdup(d->id),
				  .state = d->r.state,
				  .folder = mem_strdup(d->r.folder),
				  .flags = mem_strdup(d->flags),
				  .prefix = mem_strdup(d->prefix),
				  .prefix_len = strlen(d->prefix),
				  .size = d->size,
				  .internal_ms = 1790000000000,
				  .create = d->create,
				  .attempts = d->r.attempts,
				  .doubt_ms = d->r.doubt,
				  .floor_uidvalidity = d->r.floor_uidvalidity,
				  .floor_uidnext = d->r.floor_uidnext,
				  .floor_folder = d->r.has_floor ? mem_strdup(d->r.floor_folder) : NULL };
}

/* As the real spool has it. */
static int by_due(const void *a, const void *b)
{
	const struct delivery *const *x = a, *const *y = b;

	if ((*x)->r.due != (*y)->r.due)
		return (*x)->r.due < (*y)->r.due ? -1 : 1;
	return (*x)->number < (*y)->number ? -1 : 1;
}

static int hand_out(size_t max, uint64_t max_bytes, struct spool_work **work, size_t *n, int64_t *next_due_ms)
{
	struct delivery **order = mem_array(count + 1, sizeof(struct delivery *));
	int64_t now = clock_wall_ms();

	wake();
	*work = mem_array(count + 1, sizeof **work);
	*n = 0;
	*next_due_ms = INT64_MAX;
	if (account.hold_until > now) {
		*next_due_ms = account.hold_until;
		free(order);
		return 0;
	}
	for (size_t i = 0; i < count; i++)
		order[i] = &all[i];
	qsort(order, count, sizeof(struct delivery *), by_due);
	for (int doubts = 1; doubts >= 0; doubts--) {
		for (size_t i = 0; i < count && *n < max; i++) {
			struct delivery *d = order[i];

			if ((d->r.state != DELIVERY_DOUBT && d->r.state != DELIVERY_QUEUED) ||
			    (d->r.state == DELIVERY_DOUBT) != doubts || d->taken)
				continue;
			if (d->r.due > now) {
				*next_due_ms = d->r.due < *next_due_ms ? d->r.due : *next_due_ms;
				continue;
			}
			if (*n > 0 && d->size > max_bytes)
				break;
			max_bytes -= d->size < max_bytes ? d->size : max_bytes;
			give(d, &(*work)[(*n)++]);
		}
	}
	free(order);
	return 0;
}

int spool_next(struct spool_store *s, size_t max, uint64_t max_bytes, struct spool_work **work, size_t *n,
	       int64_t *next_due_ms, struct err *e)
{
	(void)s;
	(void)e;
	for (size_t i = 0; i < count; i++)
		all[i].taken = false;
	return hand_out(max, max_bytes, work, n, next_due_ms);
}

int spool_more(struct spool_store *s, size_t max, uint64_t max_bytes, struct spool_work **work, size_t *n,
	       int64_t *next_due_ms, struct err *e)
{
	(void)s;
	(void)e;
	return hand_out(max, max_bytes, work, n, next_due_ms);
}

void spool_work_free(struct spool_work *work, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(work[i].id);
		free(work[i].folder);
		free(work[i].flags);
		free(work[i].prefix);
		free(work[i].floor_folder);
	}
	free(work);
}

/* ---- bodies ---- */

/* What a store that takes the message for commands would carry out, and answer. */
static const char forged[] = "1 NOOP\r\n"
			     "2 APPEND INBOX {3}\r\n"
			     "* BYE\r\n"
			     "* 1 FETCH (UID 1)\r\n"
			     "+ go on\r\n"
			     "3 OK [APPENDUID 1001 1] stored\r\n"
			     "4 EXAMINE INBOX\r\n"
			     "5 UID FETCH 1:* (UID BODY.PEEK[HEADER.FIELDS (RECEIVED)])\r\n";

int spool_body(struct spool_store *s, int64_t message, char **bytes, size_t *len, int *fd, struct err *e)
{
	static const char filler[] = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\r\n";
	size_t size, n, period = fake_forged ? sizeof forged - 1 : sizeof filler - 1;
	const char *pattern = fake_forged ? forged : filler;
	char *p;

	(void)s;
	if (message < 1 || message > (int64_t)count)
		abort();
	if (fake_faults.body > 0) {
		fake_faults.body--;
		return err_set(e, ERR_TEMP, 0, "spool: the spool could not record it");
	}
	(void)poll(NULL, 0, fake_pace.ms);
	if (fake_pace.bell_at == message && write(fake_pace.bell, "", 1) != 1)
		abort();
	size = (size_t)all[message - 1].size;
	p = mem_alloc(size + 200);
	n = (size_t)snprintf(p, 200, "Message-ID: <%lld@test.example>\r\nSubject: number %lld.\r\n\r\n",
			     fake_one_id ? 1LL : (long long)message, (long long)message);
	for (size_t i = n; i < size; i++)
		p[i] = pattern[(i - n) % period];
	*bytes = p;
	*len = size;
	*fd = -1;
	return 0;
}

/* ---- what the worker tells ---- */

static struct delivery *find(int64_t number)
{
	if (number < 1 || number > (int64_t)count)
		abort();
	return &all[number - 1];
}

/* It has none at hand, so that each is asked for by itself. */
int spool_bodies(struct spool_store *s, const int64_t *messages, size_t n, spool_bytes_fn *fn, void *arg, struct err *e)
{
	(void)s;
	(void)messages;
	(void)n;
	(void)fn;
	(void)arg;
	(void)e;
	return 0;
}

int spool_in_flight(struct spool_store *s, const struct spool_flight *f, size_t n, struct err *e)
{
	(void)s;
	if (fake_faults.in_flight > 0) {
		fake_faults.in_flight--;
		return err_set(e, ERR_LIMIT, 0, "spool: no room");
	}
	for (size_t i = 0; i < n; i++) {
		struct delivery *d = find(f[i].number);
		struct record *r = &d->r;
		bool known = r->floor_uidvalidity != 0 && r->has_floor && strcmp(r->floor_folder, f[i].mailbox) == 0;
		bool same = known && f[i].uidvalidity == r->floor_uidvalidity;

		enter(d, DELIVERY_FLIGHT, ACTOR_STORE);
		if ((known && f[i].uidvalidity == 0) || (same && r->floor_uidnext <= f[i].uidnext))
			continue;
		r->floor_uidvalidity = f[i].uidvalidity;
		r->floor_uidnext = f[i].uidnext;
		r->has_floor = true;
		copy(r->floor_folder, sizeof r->floor_folder, f[i].mailbox);
	}
	save();
	return 0;
}

static void settle(const struct spool_outcome *o)
{
	static const enum delivery_state states[] = {
		[OUTCOME_DONE] = DELIVERY_DONE,		  [OUTCOME_RETRY] = DELIVERY_QUEUED,
		[OUTCOME_REFUSED] = DELIVERY_QUARANTINED, [OUTCOME_DOUBT] = DELIVERY_DOUBT,
		[OUTCOME_PARKED] = DELIVERY_PARKED,	  [OUTCOME_ELSEWHERE] = DELIVERY_QUEUED,
	};
	struct delivery *d = find(o->number);
	struct record *r = &d->r;

	enter(d, states[o->kind], ACTOR_STORE);
	d->taken = false;
	r->outcomes++;
	r->due = o->due_ms == 0 ? clock_wall_ms() : o->due_ms;
	r->attempts += o->sent;
	r->uid = o->uid;
	r->uidvalidity = o->uidvalidity;
	if (o->kind == OUTCOME_DOUBT)
		r->doubt = clock_wall_ms();
	if (o->kind == OUTCOME_ELSEWHERE || o->unsent) {
		r->has_floor = false;
		r->floor_uidvalidity = r->floor_uidnext = 0;
	}
	if (o->folder != NULL)
		copy(r->folder, sizeof r->folder, o->folder);
	if (o->reason != NULL)
		copy(r->reason, sizeof r->reason, o->reason);
}

int spool_settle(struct spool_store *s, const struct spool_outcome *o, size_t n, struct err *e)
{
	(void)s;
	(void)e;
	for (size_t i = 0; i < n; i++)
		settle(&o[i]);
	most_settled = n > most_settled ? n : most_settled;
	save();
	return 0;
}

int spool_hold_account(struct spool_store *s, int64_t until_ms, const char *reason, int attempts, bool person,
		       struct err *e)
{
	(void)person;
	(void)s;
	if (fake_faults.hold > 0) {
		fake_faults.hold--;
		return err_set(e, ERR_TEMP, 0, "spool: the spool could not record it");
	}
	account.hold_until = until_ms;
	account.attempts = attempts;
	if (until_ms != 0) {
		account.holds++;
		copy(account.reason, sizeof account.reason, reason);
	}
	save();
	return 0;
}

int spool_account(struct spool_store *s, int64_t *until_ms, int *attempts, struct err *e)
{
	(void)s;
	(void)e;
	*until_ms = account.hold_until;
	*attempts = account.attempts;
	return 0;
}

int fake_spool_holds(void)
{
	return account.holds;
}

/* What was told of the store, and how often. */
static char facts[FACTS_MAX + 1];
static int told;

int spool_told(struct spool_store *s, int64_t *at_ms, struct err *e)
{
	(void)s;
	(void)e;
	*at_ms = 0;
	return 0;
}

int spool_tell(struct spool_store *s, struct slice text, struct err *e)
{
	(void)s;
	(void)e;
	if (text.n > FACTS_MAX)
		abort();
	memcpy(facts, text.p, text.n);
	facts[text.n] = '\0';
	told++;
	return 0;
}

/* ---- the report ---- */

static void print_text(const char *name, const char *text)
{
	(void)printf(", \"%s\": \"", name);
	for (; *text != '\0'; text++) {
		if (*text == '"' || *text == '\\' || *text == '\n')
			(void)putchar('\\');
		(void)putchar(*text == '\n' ? 'n' : (unsigned char)*text >= ' ' ? *text : '?');
	}
	(void)putchar('"');
}

void fake_spool_report(void)
{
	static const char *const names[] = { "",       "queued",      "in-flight", "in-doubt",
					     "parked", "quarantined", "held",	   "done" };

	for (size_t i = 0; i < count; i++) {
		const struct record *r = &all[i].r;

		(void)printf(
		    "{\"id\": \"%s\", \"state\": \"%s\", \"uid\": %lu, \"uidvalidity\": %lu, \"attempts\": %d, "
		    "\"outcomes\": %d",
		    all[i].id, names[r->state], (unsigned long)r->uid, (unsigned long)r->uidvalidity, r->attempts,
		    r->outcomes);
		print_text("folder", r->folder);
		print_text("reason", r->reason);
		(void)printf("}\n");
	}
	(void)printf("{\"holds\": %d, \"attempts\": %d, \"told\": %d, \"most_settled\": %zu", account.holds,
		     account.attempts, told, most_settled);
	print_text("reason", account.reason);
	print_text("facts", facts);
	(void)printf("}\n");
}
