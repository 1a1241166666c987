/* The spool: how it starts, what it puts right, what it refuses to start with. */
#include "spool_tools.h"

#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "spool/fs.h"

static void put_file(struct test_spool *t, const char *name, const char *bytes, off_t at)
{
	char *path = mem_printf("%s/%s", t->dir, name);
	int fd = open(path, O_WRONLY | O_CREAT, 0600);

	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, bytes, strlen(bytes), at), strlen(bytes));
	(void)close(fd);
	free(path);
}

static void remove_files(struct test_spool *t, const char *a, const char *b)
{
	char *path = mem_printf("%s/%s", t->dir, a);

	assert_int_equal(unlink(path), 0);
	free(path);
	if (b == NULL)
		return;
	path = mem_printf("%s/%s", t->dir, b);
	(void)unlink(path);
	free(path);
}

static void accept_large(struct test_spool *t, struct test_message *m, unsigned n)
{
	message_make(m, n, "office", "INBOX");
	m->m.body = SLICE_NONE;
	m->m.size = 70000;
	m->m.upload = upload_now(t, 70000);
	assert_int_equal(accept_now(t, &m->m).answer, SPOOL_ACCEPTED);
}

static char found[200];

static int find_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	(void)st;
	(void)at;
	if (kind == FTW_F)
		(void)snprintf(found, sizeof found, "%s", path);
	return 0;
}

/* The one body file. */
static const char *body_file(struct test_spool *t)
{
	char *path = mem_printf("%s/body", t->dir);

	found[0] = '\0';
	(void)nftw(path, find_one, 20, FTW_PHYS);
	free(path);
	assert_int_not_equal(found[0], 0);
	return found;
}

static void a_new_spool_is_the_owners_alone(void **state)
{
	struct test_spool t;
	struct stat st;
	char *db;

	(void)state;
	spool_make(&t);
	assert_int_equal(rmdir(t.dir), 0);
	spool_start(&t);
	assert_int_equal(stat(t.dir, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	(void)spool_end(&t, 0);
	assert_int_equal(chmod(t.dir, 0755), 0);
	spool_start(&t);
	assert_int_equal(stat(t.dir, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	db = mem_printf("%s/spool.db", t.dir);
	assert_int_equal(stat(db, &st), 0);
	free(db);
	spool_remove(&t);
}

static void leftovers_are_swept(void **state)
{
	struct test_message m;
	struct test_spool t;

	(void)state;
	spool_make(&t);
	spool_start(&t);
	accept_large(&t, &m, 1);
	(void)upload_now(&t, 5000);
	(void)spool_end(&t, SIGKILL);
	put_file(&t, "tmp/abcdefghijklmnop", "half", 0);
	put_file(&t, "body/a/abcdefghijklmnop", "whole, but no message's", 0);
	assert_int_equal(files_in(&t, "tmp"), 2);
	assert_int_equal(files_in(&t, "body"), 2);
	spool_start(&t);
	assert_int_equal(files_in(&t, "tmp"), 0);
	assert_int_equal(files_in(&t, "body"), 1);
	assert_int_equal(state_of(&t, m.ids[0]), DELIVERY_QUEUED);
	spool_remove(&t);
}

/* Found at the start, and found only when the store asks for it. */
static void a_damaged_body_is_set_aside(void **state)
{
	enum { MISSING, CUT, WAYS };

	(void)state;
	for (int way = 0; way < WAYS; way++)
		for (int late = 0; late < 2; late++) {
			static struct test_message m, good;
			struct test_spool t;
			struct spool_store *s;
			struct spool_work *w;
			struct err e = { 0 };
			int64_t due;
			size_t n, len;
			const char *file;
			char *bytes;
			int fd;

			spool_make(&t);
			spool_start(&t);
			accept_large(&t, &m, 1);
			message_make(&good, 2, "office", "INBOX");
			assert_int_equal(accept_now(&t, &good.m).answer, SPOOL_ACCEPTED);
			if (late == 0)
				(void)spool_end(&t, SIGKILL);
			file = body_file(&t);
			assert_int_equal(way == MISSING ? unlink(file) : truncate(file, 69999), 0);
			if (late == 0)
				spool_start(&t);
			s = spool_store_new(spool_peer(&t, SPOOL_PEER_STORE, "office"));
			assert_int_equal(spool_next(s, 10, UINT64_MAX, &w, &n, &due, &e), 0);
			assert_int_equal(n, 1 + late);
			if (late != 0) {
				assert_int_equal(spool_body(s, w[0].message, &bytes, &len, &fd, &e), -1);
				assert_int_equal(e.class, ERR_PERM);
			}
			assert_int_equal(state_of(&t, m.ids[0]), DELIVERY_QUARANTINED);
			/* The others pass. */
			assert_int_equal(spool_body(s, w[n - 1].message, &bytes, &len, &fd, &e), 0);
			assert_int_equal(len, good.m.size);
			free(bytes);
			spool_work_free(w, n);
			spool_store_free(&s);
			spool_remove(&t);
		}
}

static void what_can_not_be_trusted_is_refused(void **state)
{
	static const struct {
		const char *name, *says;
	} rows[] = {
		{ "missing database", "is missing, but the spool holds messages" },
		{ "empty database", "is missing, but the spool holds messages" },
		{ "not a database", "is damaged" },
		{ "damaged page", "is damaged" },
		{ "another program's", "belongs to another program" },
		{ "a newer version", "was written by another version" },
		{ "not a directory", "is not a directory" },
		{ "a log without its database", "its log" },
		{ "another program's that says nothing", "belongs to another program" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct test_message m;
		struct test_spool t;
		char why[600];

		spool_make(&t);
		spool_start(&t);
		accept_large(&t, &m, 1);
		(void)spool_end(&t, 0);
		switch (i) {
		case 0:
			remove_files(&t, "spool.db", "spool.db-wal");
			break;
		case 1:
			remove_files(&t, "spool.db", "spool.db-wal");
			put_file(&t, "spool.db", "", 0);
			break;
		case 2:
			remove_files(&t, "spool.db", "spool.db-wal");
			put_file(&t, "spool.db",
				 "this is a letter to the editor, not a database at all, dear reader of it", 0);
			break;
		case 3:
			remove_files(&t, "spool.db-wal", NULL);
			for (off_t page = 2; page < 14; page++)
				put_file(&t, "spool.db", "rubbish rubbish rubbish rubbish", page * 4096);
			break;
		case 4:
			(void)count_in_database(&t, "PRAGMA application_id = 77");
			break;
		case 5:
			(void)count_in_database(&t, "PRAGMA user_version = 99");
			break;
		case 7:
			remove_files(&t, "spool.db", NULL);
			break;
		case 8:
			(void)count_in_database(&t, "PRAGMA application_id = 0");
			(void)count_in_database(&t, "PRAGMA user_version = 0");
			break;
		default:
			remove_files(&t, "lock", NULL);
			(void)snprintf(t.dir + strlen(t.dir), sizeof t.dir - strlen(t.dir), "/spool.db");
			break;
		}
		if (spool_try_start(&t, why, sizeof why))
			fail_msg("%s: it started", rows[i].name);
		if (strstr(why, rows[i].says) == NULL)
			fail_msg("%s: %s", rows[i].name, why);
		if (i == 6)
			*strrchr(t.dir, '/') = '\0';
		/* Nothing was thrown away. */
		assert_int_equal(files_in(&t, "body"), 1);
		spool_remove(&t);
	}
}

/* A repair has lost rows of the table of messages. */
static void deliveries_without_a_message_stop_nobody(void **state)
{
	static struct test_message small, large, later;
	struct test_spool t;
	struct spool_store *s;
	struct spool_work *w;
	struct err e = { 0 };
	int64_t due;
	size_t n, len;
	char *bytes;
	int fd;

	(void)state;
	spool_make(&t);
	spool_start(&t);
	message_make(&small, 1, "office", "INBOX");
	assert_int_equal(accept_now(&t, &small.m).answer, SPOOL_ACCEPTED);
	accept_large(&t, &large, 2);
	message_make(&later, 3, "office", "INBOX");
	assert_int_equal(accept_now(&t, &later.m).answer, SPOOL_ACCEPTED);
	(void)spool_end(&t, 0);
	(void)count_in_database(&t, "DELETE FROM message WHERE number <= 2");
	spool_start(&t);
	s = store_of(&t, "office");
	n = work_of(s, &w, &due);
	assert_int_equal(n, 2);
	assert_string_equal(w[0].id, small.ids[0]);
	assert_string_equal(w[1].id, later.ids[0]);
	assert_int_equal(spool_body(s, w[0].message, &bytes, &len, &fd, &e), 0);
	assert_int_equal(len, small.m.body.n);
	assert_memory_equal(bytes, small.m.body.p, len);
	free(bytes);
	spool_work_free(w, n);
	spool_store_free(&s);
	/* What says which body is its own went with its row; it waits where it is seen, and the body is kept. */
	assert_int_equal(state_of(&t, large.ids[0]), DELIVERY_QUARANTINED);
	assert_int_equal(files_in(&t, "body"), 0);
	assert_int_equal(files_in(&t, "lost"), 1);
	spool_remove(&t);
}

static void copy_database(struct test_spool *t, const char *from, const char *to)
{
	char *command = mem_printf("cp %s/%s %s/%s", t->dir, from, t->dir, to);

	assert_int_equal(system(command), 0);
	free(command);
}

/* Bodies that were taken in after the backup was made. */
static void what_a_backup_does_not_know_is_kept(void **state)
{
	static struct test_message m;
	struct test_spool t;

	(void)state;
	spool_make(&t);
	spool_start(&t);
	accept_large(&t, &m, 1);
	(void)spool_end(&t, 0);
	copy_database(&t, "spool.db", "backup");
	spool_start(&t);
	accept_large(&t, &m, 2);
	(void)spool_end(&t, 0);
	remove_files(&t, "spool.db", "spool.db-wal");
	copy_database(&t, "backup", "spool.db");
	t.restored = true;
	spool_start(&t);
	assert_int_equal(files_in(&t, "body"), 1);
	assert_int_equal(files_in(&t, "lost"), 1);
	t.restored = false;
	spool_reopen(&t, 0);
	assert_int_equal(files_in(&t, "lost"), 1);
	spool_remove(&t);
}

static void only_one_has_it_open(void **state)
{
	struct test_spool t, second;
	char why[600];

	(void)state;
	spool_make(&t);
	spool_start(&t);
	second = t;
	second.intake = NULL;
	assert_false(spool_try_start(&second, why, sizeof why));
	assert_non_null(strstr(why, "another mailferry uses the spool"));
	spool_remove(&t);
}

static void a_nearly_full_disk_takes_nothing_in(void **state)
{
	struct test_message m;
	struct test_spool t;
	struct spool_store *s;
	struct spool_work *w;
	struct err e;
	int64_t due;
	size_t n;

	(void)state;
	spool_make(&t);
	spool_start(&t);
	message_make(&m, 1, "office", "INBOX");
	assert_int_equal(accept_now(&t, &m.m).answer, SPOOL_ACCEPTED);
	(void)spool_end(&t, 0);
	t.reserve = INT64_MAX;
	spool_start(&t);
	message_make(&m, 2, "office", "INBOX");
	assert_int_equal(accept_now(&t, &m.m).answer, SPOOL_FULL);
	assert_int_equal(upload_now(&t, 10), 0);
	/* What is queued drains. */
	s = spool_store_new(spool_peer(&t, SPOOL_PEER_STORE, "office"));
	assert_int_equal(spool_next(s, 10, UINT64_MAX, &w, &n, &due, &e), 0);
	assert_int_equal(n, 1);
	assert_int_equal(spool_in_flight(s, &(struct spool_flight){ w[0].number, "INBOX", 1, 1 }, 1, &e), 0);
	assert_int_equal(spool_settle(s, &(struct spool_outcome){ .number = w[0].number, .kind = OUTCOME_DONE }, 1, &e),
			 0);
	spool_work_free(w, n);
	spool_store_free(&s);
	assert_int_equal(spool_end(&t, 0), 0);
	assert_int_equal(count_in_database(&t, "SELECT count(*) FROM message"), 1);
	spool_remove(&t);
}

static void network_file_systems_are_known(void **state)
{
	(void)state;
	assert_string_equal(fs_network_name(0x6969), "NFS");
	assert_string_equal(fs_network_name(0xff534d42), "CIFS");
	assert_string_equal(fs_network_name(0xfe534d42), "SMB2");
	assert_null(fs_network_name(0xef53));	  /* ext4 */
	assert_null(fs_network_name(0x9123683e)); /* btrfs */
	assert_null(fs_network_name(0x58465342)); /* XFS */
	assert_null(fs_network_name(0x01021994)); /* tmpfs */
}

/* One commit, one sync, no growth of a file: the log was made ready. */
static void the_log_is_made_ready(void **state)
{
	struct test_message m;
	struct test_spool t;
	struct stat before, after;
	char *wal;

	(void)state;
	spool_make(&t);
	spool_start(&t);
	wal = mem_printf("%s/spool.db-wal", t.dir);
	assert_int_equal(stat(wal, &before), 0);
	assert_true(before.st_blocks * 512 >= 16 * 1024 * 1024);
	for (unsigned i = 0; i < 20; i++) {
		message_make(&m, i, "office", "INBOX");
		assert_int_equal(accept_now(&t, &m.m).answer, SPOOL_ACCEPTED);
	}
	assert_int_equal(stat(wal, &after), 0);
	assert_int_equal(before.st_size, after.st_size);
	spool_reopen(&t, 0);
	assert_int_equal(stat(wal, &after), 0);
	assert_int_equal(before.st_size, after.st_size);
	free(wal);
	spool_remove(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_new_spool_is_the_owners_alone),
		cmocka_unit_test(leftovers_are_swept),
		cmocka_unit_test(a_damaged_body_is_set_aside),
		cmocka_unit_test(what_can_not_be_trusted_is_refused),
		cmocka_unit_test(deliveries_without_a_message_stop_nobody),
		cmocka_unit_test(what_a_backup_does_not_know_is_kept),
		cmocka_unit_test(only_one_has_it_open),
		cmocka_unit_test(a_nearly_full_disk_takes_nothing_in),
		cmocka_unit_test(network_file_systems_are_known),
		cmocka_unit_test(the_log_is_made_ready),
	};

	(void)signal(SIGPIPE, SIG_IGN);
	log_set_level(LOG_ERROR);
	return cmocka_run_group_tests_name("spool_start", tests, NULL, NULL);
}
