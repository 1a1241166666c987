/* Sources as people see them; a memory that is taken over, that is large, that an older spool did not have. */
#include "spool_memory.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "spool/sql.h"

struct rows {
	struct spool_source_row r[4];
	char names[4][40];
	size_t n;
};

static int see_row(void *arg, const struct spool_source_row *row)
{
	struct rows *s = arg;

	if (s->n < 4) {
		s->r[s->n] = *row;
		(void)snprintf(s->names[s->n], sizeof s->names[0], "%s", row->source);
	}
	s->n++;
	return 0;
}

static struct rows rows_of(struct fixture *x, bool counts)
{
	struct rows s = { .n = 0 };
	struct err e;

	if (spool_admin_sources(x->admin, counts, see_row, &s, &e) != 0)
		fail_msg("sources: %s", e.text);
	return s;
}

static int see_source(void *arg, const struct spool_record *r)
{
	char *line = arg;

	(void)snprintf(line, 100, "%s|%s|%u|%s", r->source == NULL ? "-" : r->source,
		       r->origin_folder == NULL ? "-" : r->origin_folder, r->uid, r->uidl == NULL ? "-" : r->uidl);
	return 0;
}

static void people_see_where_mail_came_from(void **state)
{
	static struct test_message m;
	struct fixture *x = *state;
	struct spool_query q = { .id = m.id };
	struct spool_origin o;
	char line[100];
	struct err e;

	message_make(&m, 1, "office", "INBOX");
	assert_int_equal(accept_now(&x->t, &m.m).answer, SPOOL_ACCEPTED);
	assert_int_equal(spool_admin_find(x->admin, &q, see_source, line, &e), 0);
	assert_string_equal(line, "-|-|0|-");
	message_make(&m, 2, "office", "INBOX");
	message_fetched(&m, &o, fetcher_folder(&x->f, "Entw\xc3\xbcrfe", 1), 17, NULL);
	assert_int_equal(accept_by(&x->t, x->f.door, &m.m).answer, SPOOL_ACCEPTED);
	assert_int_equal(spool_admin_find(x->admin, &q, see_source, line, &e), 0);
	assert_string_equal(line, "old|Entw\xc3\xbcrfe|17|-");
	message_make(&m, 3, "office", "INBOX");
	message_fetched(&m, &o, fetcher_folder(&x->f, "", 0), 0, "u.3");
	assert_int_equal(accept_by(&x->t, x->f.door, &m.m).answer, SPOOL_ACCEPTED);
	assert_int_equal(spool_admin_find(x->admin, &q, see_source, line, &e), 0);
	assert_string_equal(line, "old||0|u.3");
}

static void people_see_what_is_remembered(void **state)
{
	enum { N = 12000 };
	static struct test_message m;
	static struct origin_change c[N];
	struct fixture *x = *state;
	int64_t inbox = fetcher_folder(&x->f, "INBOX", 1), other = fetcher_folder(&x->f, "Other", 1);
	struct spool_query q = { .id = m.ids[0] };
	struct spool_origin o;
	struct rows s;
	struct err e;

	assert_int_equal(rows_of(x, true).n, 1);
	for (unsigned i = 0; i < N; i++)
		c[i] = (struct origin_change){ ORIGIN_ADD,
					       { .folder = i % 2 != 0 ? inbox : other,
						 .uid = 100 + i,
						 .fate = (enum origin_fate)(ORIGIN_SKIPPED + i % 4) } };
	change_all(&x->f, c, N);
	for (unsigned i = 0; i < 3; i++) {
		message_make(&m, i, "office", "INBOX");
		m.m.ndeliveries = i == 0 ? 0 : 1;
		message_fetched(&m, &o, inbox, i + 1, NULL);
		assert_int_equal(accept_by(&x->t, x->f.door, &m.m).answer, SPOOL_ACCEPTED);
	}
	assert_int_equal(spool_admin_act(x->admin, SPOOL_DELETE, &q, false, NULL, NULL, &e), 0);
	for (unsigned i = 0; i < 7; i++)
		c[i] = (struct origin_change){ i < 3 ? ORIGIN_REMOVAL : ORIGIN_ABSENT, { .number = i + 1 } };
	change_all(&x->f, c, 7);
	s = rows_of(x, true);
	assert_int_equal(s.n, 1);
	assert_string_equal(s.names[0], "old");
	assert_int_equal(s.r[0].folders, 2);
	assert_int_equal(s.r[0].counts.fates[ORIGIN_TAKEN], 3);
	for (int fate = ORIGIN_SKIPPED; fate <= ORIGIN_REFUSED; fate++)
		assert_int_equal(s.r[0].counts.fates[fate], N / 4);
	assert_int_equal(s.r[0].counts.settled[ORIGIN_WAITS], 1);
	assert_int_equal(s.r[0].counts.settled[ORIGIN_DELIVERED], 1);
	assert_int_equal(s.r[0].counts.settled[ORIGIN_STUCK], 1);
	assert_int_equal(s.r[0].counts.removals, 3);
	assert_int_equal(s.r[0].counts.absent, 4);
	assert_true(s.r[0].counts.oldest_absent_ms > 0);
	assert_int_equal(s.r[0].run.total, 3);
	assert_int_equal(rows_of(x, false).r[0].counts.fates[ORIGIN_TAKEN], 0);
	/* A backup that was put back is told until a run went well. */
	leave(x);
	x->t.restored = true;
	spool_reopen(&x->t, 0);
	x->t.restored = false;
	connect_all(x);
	assert_true(rows_of(x, false).r[0].restored_ms > 0);
	assert_int_equal(spool_source_ran(x->f.memory,
					  &(struct source_run){ .started_ms = 1, .ended_ms = 2, .end = "server-away" },
					  &e),
			 0);
	assert_true(rows_of(x, false).r[0].restored_ms > 0);
	assert_int_equal(
	    spool_source_ran(x->f.memory, &(struct source_run){ .started_ms = 1, .ended_ms = 2, .end = "ok" }, &e), 0);
	assert_int_equal(rows_of(x, false).r[0].restored_ms, 0);
}

static void a_memory_is_taken_over(void **state)
{
	enum { N = 1700 };
	struct fixture *x = *state;
	static struct spool_import all[N];
	static char names[N][20];
	uint64_t new = 0, forgotten = 0;
	struct spool_origin first;
	struct err e;
	struct seen s;
	int64_t box;

	for (unsigned i = 0; i < N; i++) {
		(void)snprintf(names[i], sizeof names[i], "uidl.%u", i);
		all[i] = (struct spool_import){ .name = names[i], .taken_ms = i % 2 != 0 ? 1000 : 0 };
	}
	/* One UIDL for three messages, not side by side; IMAP, too. */
	all[3].name = all[900].name = all[5].name;
	for (unsigned i = 10; i < 15; i++)
		all[i] = (struct spool_import){ .folder = "INBOX", .uidvalidity = 3, .uid = i };
	all[20] = all[10];
	all[21] = (struct spool_import){ 0 }; /* nothing at all */
	assert_int_equal(spool_admin_source_import(x->admin, "fresh", all, N, &new, &e), 0);
	assert_int_equal(new, N - 2);
	assert_int_equal(spool_admin_source_import(x->admin, "fresh", all, N, &new, &e), 0);
	assert_int_equal(new, 0);
	leave(x);
	fetcher_start(&x->t, &x->f, "fresh");
	x->admin = spool_admin_new(spool_peer(&x->t, SPOOL_PEER_ADMIN, ""));
	s = origins_of(&x->f, fetcher_folder(&x->f, "INBOX", 3), 0);
	assert_int_equal(s.n, 5);
	first = s.o[0];
	assert_int_equal(first.fate, ORIGIN_KNOWN);
	assert_int_equal(first.settled, ORIGIN_DELIVERED);
	assert_int_equal(first.uid, 10);
	box = fetcher_folder(&x->f, "", 0);
	s = pending(&x->f, (struct origin_want){ 1u << ORIGIN_KNOWN, 7, 0, true, false });
	assert_int_equal(s.n, 0);
	s = (struct seen){ .stop = 1 };
	assert_int_equal(spool_source_origins(x->f.memory, box, 0, see, &s, &e), 0);
	/* A message that was taken meanwhile stays as it is. */
	change(&x->f, ORIGIN_FORGET, first);
	assert_int_equal(spool_admin_source_import(x->admin, "fresh", all, N, &new, &e), 0);
	assert_int_equal(new, 1);
	assert_int_equal(rows_of(x, true).r[0].counts.fates[ORIGIN_KNOWN], N - 2);
	/* All of it forgotten at once, and swept. */
	assert_int_equal(spool_admin_source_forget(x->admin, "fresh", &forgotten, &e), 0);
	assert_int_equal(forgotten, N - 2);
	assert_int_equal(spool_admin_source_forget(x->admin, "fresh", &forgotten, &e), 0);
	assert_int_equal(forgotten, 0);
	assert_int_equal(rows_of(x, true).n, 0);
	assert_int_equal(spool_admin_source_import(x->admin, "fresh", all, N, &new, &e), 0);
	assert_int_equal(new, N - 2);
	assert_int_equal(spool_admin_source_forget(x->admin, "fresh", &forgotten, &e), 0);
	leave(x);
	for (unsigned tries = 0;; tries++) {
		int64_t left;

		spool_reopen(&x->t, 0);
		(void)usleep(700 * 1000);
		assert_int_equal(spool_end(&x->t, 0), 0);
		left = count_in_database(&x->t,
					 "SELECT (SELECT count(*) FROM origin) + (SELECT count(*) FROM origin_folder)");
		if (left == 0)
			break;
		if (tries == 100)
			fail_msg("%lld rows were not swept", (long long)left);
	}
	spool_start(&x->t);
	connect_all(x);
}

/* ---- size ---- */

/* A hundred thousand origins cost little, whatever is asked of them. */
static void a_large_mailbox_is_read_quickly(void **state)
{
	enum { N = 100 * 1000 };
	struct fixture *x = *state;
	struct origin_change *c = mem_array(N, sizeof *c);
	char(*names)[24] = mem_array(N, sizeof *names);
	int64_t folders[2] = { fetcher_folder(&x->f, "INBOX", 1), fetcher_folder(&x->f, "", 0) };

	for (unsigned pop = 0; pop < 2; pop++) {
		struct counted count = { 0 };
		struct wanted w = { 0 };
		int64_t start = clock_mono_ms(), wrote, read, asked;
		struct err e;

		for (unsigned i = 0; i < N; i++) {
			(void)snprintf(names[i], sizeof names[i], "%08x.%u", i * 2654435761u, i);
			c[i] = (struct origin_change){ ORIGIN_ADD,
						       { .folder = folders[pop],
							 .uid = pop != 0 ? 0 : i + 1,
							 .name = pop != 0 ? names[i] : NULL,
							 .size = 5000,
							 .head = { 1 },
							 .fate = ORIGIN_KNOWN,
							 .settled = ORIGIN_DELIVERED } };
		}
		change_all(&x->f, c, N);
		wrote = clock_mono_ms();
		assert_int_equal(spool_source_origins(x->f.memory, folders[pop], 0, count_origin, &count, &e), 0);
		read = clock_mono_ms();
		assert_int_equal(count.n, N);
		assert_int_equal(spool_source_pending(x->f.memory,
						      &(struct origin_want){ 1u << ORIGIN_KNOWN, 1u << ORIGIN_STUCK,
									     INT64_MAX, false, false },
						      count_wanted, &w, &e),
				 0);
		asked = clock_mono_ms();
		assert_int_equal(w.n, 0);
		/* What each run asks of a mailbox of which nothing is due. */
		for (unsigned i = 0; i < 100; i++) {
			assert_int_equal(
			    spool_source_pending(x->f.memory,
						 &(struct origin_want){ 1u << ORIGIN_REFUSED | 1u << ORIGIN_SKIPPED, 7,
									INT64_MAX, true, false },
						 count_wanted, &w, &e),
			    0);
			assert_int_equal(spool_source_pending(
					     x->f.memory, &(struct origin_want){ UINT32_MAX, 7, INT64_MAX, true, true },
					     count_wanted, &w, &e),
					 0);
		}
		print_message("# nothing refused and nothing absent found in %d us\n",
			      (int)(clock_mono_ms() - asked) * 1000 / 200);
		assert_int_equal(w.n, 0);
		print_message("# %s: written in %d ms, read in %d ms, nothing found due in %d ms\n",
			      pop != 0 ? "UIDLs" : "UIDs", (int)(wrote - start), (int)(read - wrote),
			      (int)(asked - read));
		/* Far beyond what a busy machine takes, far below what a scan for each page would. */
		assert_true(read - wrote < 10000);
	}
	free(names);
	free(c);
}

/* No question reads or sorts a whole table. */
static void every_question_has_an_index(void **state)
{
	static const struct {
		enum sql sql;
		bool sorts; /* a handful of rows */
	} rows[] = {
		{ SQL_FOLDERS, false },
		{ SQL_FOLDER_OF, false },
		{ SQL_FOLDER_FIND, true },
		{ SQL_FOLDER_ANY, true },
		{ SQL_FOLDER_SET, false },
		{ SQL_FOLDERS_COUNT, false },
		{ SQL_FOLDER_NEXT, false },
		{ SQL_SOURCE_FOLDER_NEXT, false },
		{ SQL_FOLDER_DROPPED, false },
		{ SQL_ORIGIN, false },
		{ SQL_ORIGIN_FIND, false },
		{ SQL_ORIGIN_NAMES, false },
		{ SQL_ORIGIN_SET, false },
		{ SQL_ORIGINS_SAME, false },
		{ SQL_ORIGINS_NEXT, false },
		{ SQL_PENDING_SAME, false },
		{ SQL_PENDING_NEXT, false },
		{ SQL_ABSENT, false },
		{ SQL_ORIGINS_COUNT, false },
		{ SQL_ORIGINS_SWEEP, false },
		{ SQL_ORIGIN_OF, false },
		{ SQL_ORIGIN_STUCK, false },
		{ SQL_ORIGIN_SETTLE, false },
		{ SQL_ORIGIN_SWEPT, false },
		{ SQL_MINE, false },
		{ SQL_MESSAGE, false },
		{ SQL_OLD, false },
		{ SQL_CAUSED_THERE, false },
		{ SQL_MEMORY_KNOWN, false },
		{ SQL_MEMORY_LAST, false },
		{ SQL_MEMORY_ADD, false },
		{ SQL_MEMORY_CUT, false },
		{ SQL_MEMORY_OLD, false },
		{ SQL_SOURCE, false },
		{ SQL_SOURCE_TOOK, false },
	};
	struct fixture *x = *state;
	sqlite3 *db;
	char *path = mem_printf("%s/spool.db", x->t.dir);

	leave(x);
	assert_int_equal(spool_end(&x->t, 0), 0);
	assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char *text = mem_printf("EXPLAIN QUERY PLAN %s", sql_text[rows[i].sql]);
		sqlite3_stmt *st;

		assert_int_equal(sqlite3_prepare_v2(db, text, -1, &st, NULL), SQLITE_OK);
		while (sqlite3_step(st) == SQLITE_ROW) {
			const char *detail = (const char *)sqlite3_column_text(st, 3);

			if (strncmp(detail, "SCAN ", 5) == 0 ||
			    (!rows[i].sorts && strstr(detail, "TEMP B-TREE") != NULL))
				fail_msg("%s: %s", sql_text[rows[i].sql], detail);
		}
		(void)sqlite3_finalize(st);
		free(text);
	}
	(void)sqlite3_close(db);
	free(path);
	spool_start(&x->t);
	connect_all(x);
}

/* A spool from before there were sources, with mail in it. */
static void an_older_spool_learns_of_sources(void **state)
{
	static struct test_message m;
	struct fixture *x = *state;
	struct spool_origin o;

	message_make(&m, 1, "office", "INBOX");
	assert_int_equal(accept_now(&x->t, &m.m).answer, SPOOL_ACCEPTED);
	leave(x);
	assert_int_equal(spool_end(&x->t, 0), 0);
	spool_make_older(&x->t, 3);
	spool_start(&x->t);
	connect_all(x);
	assert_int_equal(state_of(&x->t, m.ids[0]), DELIVERY_QUEUED);
	message_make(&m, 2, "office", "INBOX");
	message_fetched(&m, &o, fetcher_folder(&x->f, "INBOX", 1), 5, NULL);
	assert_int_equal(accept_by(&x->t, x->f.door, &m.m).answer, SPOOL_ACCEPTED);
	leave(x);
	assert_int_equal(spool_end(&x->t, 0), 0);
	assert_int_equal(count_in_database(&x->t, "PRAGMA user_version"), SQL_VERSION);
	assert_int_equal(count_in_database(&x->t, "SELECT count(*) FROM message"), 2);
	spool_start(&x->t);
	connect_all(x);
}

int main(void)
{
#define WITH_SPOOL(fn) cmocka_unit_test_setup_teardown(fn, make_fixture, free_fixture)
	const struct CMUnitTest tests[] = {
		WITH_SPOOL(people_see_where_mail_came_from), WITH_SPOOL(people_see_what_is_remembered),
		WITH_SPOOL(a_memory_is_taken_over),	     WITH_SPOOL(a_large_mailbox_is_read_quickly),
		WITH_SPOOL(every_question_has_an_index),     WITH_SPOOL(an_older_spool_learns_of_sources),
	};

	(void)signal(SIGPIPE, SIG_IGN);
	log_set_level(LOG_ERROR);
	return cmocka_run_group_tests_name("spool_sources", tests, NULL, NULL);
}
