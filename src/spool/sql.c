#include "spool/sql.h"

/*
 * Numbers of states are those of enum delivery_state: 1 queued, 2 in flight,
 * 3 in doubt, 4 parked, 5 quarantined, 6 held; from 7 on they are final.
 *
 * A message's row is small and is read by people; its body stands apart, so
 * that a list of the queue touches no bodies and dropping a body leaves the row
 * alone. The indexes on deliveries cover only what still waits.
 */
const char sql_schema[] =
    "CREATE TABLE message (number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, session TEXT, protocol "
    "TEXT,"
    " client TEXT, helo TEXT, listener TEXT, auth TEXT, sender TEXT NOT NULL, message_id TEXT, author TEXT, subject "
    "TEXT,"
    " received INTEGER NOT NULL, internal INTEGER NOT NULL, size INTEGER NOT NULL, file TEXT, finished INTEGER);"
    "CREATE UNIQUE INDEX message_file ON message (file) WHERE file IS NOT NULL;"
    "CREATE INDEX message_finished ON message (finished) WHERE finished IS NOT NULL;"
    "CREATE TABLE body (message INTEGER PRIMARY KEY, bytes BLOB NOT NULL);"
    "CREATE TABLE recipient (message INTEGER NOT NULL, n INTEGER NOT NULL, address TEXT NOT NULL, account TEXT NOT "
    "NULL,"
    " verdict TEXT, PRIMARY KEY (message, n)) WITHOUT ROWID;"
    "CREATE TABLE delivery (number INTEGER PRIMARY KEY AUTOINCREMENT, message INTEGER NOT NULL, id TEXT NOT NULL,"
    " account TEXT NOT NULL, state INTEGER NOT NULL, folder TEXT NOT NULL, flags TEXT, rule TEXT, note TEXT,"
    " creates INTEGER NOT NULL, due INTEGER NOT NULL, since INTEGER NOT NULL, reason TEXT,"
    " attempts INTEGER NOT NULL DEFAULT 0, doubt INTEGER NOT NULL DEFAULT 0,"
    " floor_mailbox TEXT, floor_uidvalidity INTEGER NOT NULL DEFAULT 0, floor_uidnext INTEGER NOT NULL DEFAULT 0,"
    " uidvalidity INTEGER NOT NULL DEFAULT 0, uid INTEGER NOT NULL DEFAULT 0, prefix BLOB);"
    "CREATE INDEX delivery_message ON delivery (message);"
    "CREATE INDEX delivery_queued ON delivery (account, due) WHERE state = 1;"
    "CREATE INDEX delivery_flight ON delivery (account) WHERE state = 2;"
    "CREATE INDEX delivery_doubt ON delivery (account, due) WHERE state = 3;"
    "CREATE INDEX delivery_waiting ON delivery (message) WHERE state < 7;"
    "CREATE TABLE unconfirmed (fingerprint BLOB PRIMARY KEY, message INTEGER NOT NULL, peer INTEGER NOT NULL,"
    " at INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE INDEX unconfirmed_message ON unconfirmed (message);"
    "CREATE TABLE account (name TEXT PRIMARY KEY, until INTEGER NOT NULL, attempts INTEGER NOT NULL, reason TEXT)"
    " WITHOUT ROWID;"
    "CREATE TABLE mark (one INTEGER PRIMARY KEY CHECK (one = 1), n INTEGER NOT NULL);"
    "INSERT INTO mark VALUES (1, 0);";

const char *const sql_steps[SQL_VERSION - 1] = {
	/* What happened to a delivery that did not end well at once; read by people only. */
	"CREATE TABLE history (delivery INTEGER NOT NULL, n INTEGER NOT NULL, at INTEGER NOT NULL, state INTEGER NOT NULL,"
	" attempt INTEGER NOT NULL, words TEXT, PRIMARY KEY (delivery, n)) WITHOUT ROWID;"
	/* Only a person can end the hold. */
	"ALTER TABLE account ADD COLUMN person INTEGER NOT NULL DEFAULT 0;",
	/* What an account's store is like; may be lost at any time, the store is asked again. */
	"CREATE TABLE facts (account TEXT PRIMARY KEY, at INTEGER NOT NULL, text BLOB NOT NULL) WITHOUT ROWID;",
	/* The memory of fetchers. Numbers are never used twice: a fetcher may hold one of a row that is gone. */
	"CREATE TABLE source (number INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE,"
	" started INTEGER NOT NULL DEFAULT 0, ended INTEGER NOT NULL DEFAULT 0, ok INTEGER NOT NULL DEFAULT 0,"
	" failures INTEGER NOT NULL DEFAULT 0, ending TEXT, words TEXT, messages INTEGER NOT NULL DEFAULT 0,"
	" octets INTEGER NOT NULL DEFAULT 0, skipped INTEGER NOT NULL DEFAULT 0, known INTEGER NOT NULL DEFAULT 0,"
	" removed INTEGER NOT NULL DEFAULT 0, moved INTEGER NOT NULL DEFAULT 0, marked INTEGER NOT NULL DEFAULT 0,"
	" total INTEGER NOT NULL DEFAULT 0, next INTEGER NOT NULL DEFAULT 0, restored INTEGER NOT NULL DEFAULT 0);"
	/* Source 0: dropped, and swept with its origins by and by. */
	"CREATE TABLE origin_folder (number INTEGER PRIMARY KEY AUTOINCREMENT, source INTEGER NOT NULL,"
	" name TEXT NOT NULL, uidvalidity INTEGER NOT NULL, uidnext INTEGER NOT NULL, modseq INTEGER NOT NULL,"
	" present INTEGER NOT NULL, listed INTEGER NOT NULL, mailbox TEXT NOT NULL DEFAULT '',"
	" UNIQUE (source, name, uidvalidity, mailbox));"
	"CREATE INDEX origin_folder_source ON origin_folder (source);"
	"CREATE TABLE origin (number INTEGER PRIMARY KEY AUTOINCREMENT, folder INTEGER NOT NULL, uid INTEGER NOT NULL,"
	" name TEXT NOT NULL, size INTEGER NOT NULL, head BLOB, fate INTEGER NOT NULL, settled INTEGER NOT NULL,"
	" message INTEGER NOT NULL, taken INTEGER NOT NULL, gone INTEGER NOT NULL DEFAULT 0,"
	" absent INTEGER NOT NULL DEFAULT 0, tries INTEGER NOT NULL DEFAULT 0, tried INTEGER NOT NULL DEFAULT 0,"
	" removal INTEGER NOT NULL DEFAULT 0, handled INTEGER NOT NULL DEFAULT 0, reason TEXT);"
	"CREATE INDEX origin_place ON origin (folder, uid);"
	"CREATE INDEX origin_name ON origin (folder, name) WHERE name <> '';"
	"CREATE INDEX origin_taken ON origin (folder, fate, handled, taken);"
	"CREATE INDEX origin_absent ON origin (folder) WHERE absent > 0;"
	"CREATE INDEX origin_message ON origin (message) WHERE message <> 0;"
	"CREATE INDEX delivery_id ON delivery (id);",
	/* Replies that may not have been read, in place of the table `unconfirmed'. Fates are those of ops_intake.c: 1 has
	 * a Message-ID, 2 has none, 3 has none and was not read. */
	"CREATE TABLE reply (fingerprint BLOB NOT NULL, ticket INTEGER NOT NULL, message INTEGER NOT NULL,"
	" fate INTEGER NOT NULL, until INTEGER NOT NULL, PRIMARY KEY (fingerprint, ticket)) WITHOUT ROWID;"
	"CREATE INDEX reply_ticket ON reply (ticket);"
	"CREATE INDEX reply_nameless ON reply (message) WHERE fate <> 1;"
	"INSERT INTO reply SELECT u.fingerprint, 0, u.message, 1, u.at + 604800000 FROM unconfirmed u"
	" JOIN message m ON m.number = u.message WHERE m.message_id IS NOT NULL;"
	"DROP TABLE unconfirmed;",
	/* Where a body begins in a file that it shares with others; NULL: it has the file for itself. */
	"ALTER TABLE message ADD COLUMN place INTEGER;"
	"DROP INDEX message_file;"
	"CREATE INDEX message_body ON message (file) WHERE file IS NOT NULL;",
	/* Recipients outside, by group of relay_for, day and user. */
	"CREATE TABLE quota (name TEXT NOT NULL, day INTEGER NOT NULL, user TEXT NOT NULL, n INTEGER NOT NULL,"
	" PRIMARY KEY (name, day, user)) WITHOUT ROWID;",
	/* The message that caused this one; APART: what becomes of it says nothing about that one. */
	"ALTER TABLE message ADD COLUMN parent INTEGER;"
	"ALTER TABLE message ADD COLUMN apart INTEGER NOT NULL DEFAULT 0;"
	"CREATE INDEX message_parent ON message (parent) WHERE parent IS NOT NULL;"
	/* What rules remember. N counts what an account ever remembered: with too much, the lowest go. */
	"CREATE TABLE memory (account TEXT NOT NULL, n INTEGER NOT NULL, key BLOB NOT NULL, until INTEGER NOT NULL,"
	" PRIMARY KEY (account, n)) WITHOUT ROWID;"
	"CREATE UNIQUE INDEX memory_key ON memory (account, key);"
	"CREATE INDEX memory_until ON memory (until);"
	/* The id under which the message came the last time: what becomes of that reply may be told by it. */
	"ALTER TABLE reply ADD COLUMN asked TEXT;"
	"UPDATE reply SET asked = (SELECT m.id FROM message m WHERE m.number = reply.message);"
	"DROP INDEX reply_nameless;"
	"CREATE INDEX reply_asked ON reply (asked) WHERE fate <> 1;",
};

#define DELIVERY_COLUMNS                                                                                               \
	"number, message, id, account, state, folder, flags, rule, note, creates, due, since, reason, attempts, "      \
	"doubt,"                                                                                                       \
	" floor_mailbox, floor_uidvalidity, floor_uidnext, uidvalidity, uid"

#define RUN_COLUMNS                                                                                                    \
	"started, ended, ok, failures, ending, words, messages, octets, skipped, known, removed, moved, marked,"       \
	" total, next"

/* The message that came in, of which ?1 is a part. */
#define WHOLE                                                                                                          \
	"(SELECT CASE WHEN w.parent IS NULL THEN w.number WHEN w.apart = 0 THEN w.parent END FROM message w"           \
	" WHERE w.number = ?1)"

#define ORIGIN_COLUMNS                                                                                                 \
	"number, folder, uid, name, size, head, fate, settled, message, taken, gone, absent, removal, handled, reason," \
	" tries, tried"


/* Which messages a query meets, beyond its way of walking them: ?3 account, ?4 word as a LIKE pattern, ?5 an id. */
#define FIND_FILTER                                                                                                    \
	" AND (?3 IS NULL OR EXISTS (SELECT 1 FROM recipient r WHERE r.message = m.number AND r.account = ?3)"         \
	" OR EXISTS (SELECT 1 FROM delivery d WHERE d.message = m.number AND d.account = ?3))"                         \
	" AND (?4 IS NULL OR m.id LIKE ?4 ESCAPE '\\' OR m.message_id LIKE ?4 ESCAPE '\\' OR m.sender LIKE ?4 ESCAPE " \
	"'\\'"                                                                                                         \
	" OR m.subject LIKE ?4 ESCAPE '\\' OR m.author LIKE ?4 ESCAPE '\\' OR m.client LIKE ?4 ESCAPE '\\'"            \
	" OR m.session LIKE ?4 ESCAPE '\\' OR EXISTS (SELECT 1 FROM recipient r WHERE r.message = m.number"            \
	" AND r.address LIKE ?4 ESCAPE '\\') OR EXISTS (SELECT 1 FROM delivery d WHERE d.message = m.number"           \
	" AND d.id LIKE ?4 ESCAPE '\\'))"                                                                              \
	" AND (?5 IS NULL OR m.id = ?5 OR EXISTS (SELECT 1 FROM delivery d WHERE d.message = m.number AND d.id = ?5))"

const char *const sql_text[SQL_STATEMENTS] = {
	[SQL_BEGIN] = "BEGIN",
	[SQL_COMMIT] = "COMMIT",
	[SQL_ROLLBACK] = "ROLLBACK",
	[SQL_SAVE] = "SAVEPOINT one",
	[SQL_RELEASE] = "RELEASE one",
	[SQL_BACK] = "ROLLBACK TO one",
	[SQL_MARK] = "INSERT INTO mark VALUES (1, 1) ON CONFLICT (one) DO UPDATE SET n = n + 1",

	[SQL_MESSAGE_ADD] =
	    "INSERT INTO message (id, session, protocol, client, helo, listener, auth, sender, message_id,"
	    " author, subject, received, internal, size, file, place, parent, apart)"
	    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
	[SQL_BODY_ADD] = "INSERT INTO body VALUES (?, ?)",
	[SQL_RECIPIENT_ADD] = "INSERT INTO recipient VALUES (?, ?, ?, ?, ?)",
	[SQL_DELIVERY_ADD] =
	    "INSERT INTO delivery (message, id, account, state, folder, flags, rule, note, creates, due, since,"
	    " prefix) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
	[SQL_KNOWN] = "SELECT message, ticket, until FROM reply WHERE fingerprint = ? AND fate <> 2 AND until > ?",
	[SQL_KNOW] = "INSERT OR REPLACE INTO reply VALUES (?, ?, ?, ?, ?, ?)",
	[SQL_KNOW_AGAIN] = "UPDATE reply SET ticket = ?3, fate = ?4, until = ?5, asked = ?6"
			   " WHERE fingerprint = ?1 AND ticket = ?2",
	[SQL_CONFIRM] = "DELETE FROM reply WHERE ticket = ?",
	[SQL_CLOSED] = "UPDATE reply SET until = min(until, ?2) WHERE ticket = ?1",
	[SQL_UNREAD] = "UPDATE reply SET fate = 3 WHERE ticket = ? AND fate = 2",
	[SQL_UNSURE] = "UPDATE reply SET fate = 2 WHERE ticket = ? AND fate = 3",
	[SQL_UNANSWERED] = "UPDATE reply SET fate = 3 WHERE fate = 2 AND fate <> 1 AND asked = ?",
	[SQL_FORGET] = "DELETE FROM reply WHERE until < ?",
	/* Another delivery of the message, not ?4, that counts for that folder. */
	[SQL_SAME_FOLDER] =
	    "SELECT number FROM delivery WHERE message = ? AND account = ? AND folder = ? AND number <> ?"
	    " AND state < 8",
	/* A delivery there that counts, of what the message caused. */
	[SQL_CAUSED_THERE] =
	    "SELECT d.number FROM message c JOIN delivery d ON d.message = c.number WHERE c.parent = ?1 AND c.apart = ?2"
	    " AND d.account = ?3 AND d.folder = ?4 AND d.state < 8 LIMIT 1",

	[SQL_DELIVERY] = "SELECT " DELIVERY_COLUMNS " FROM delivery WHERE number = ?",
	[SQL_ENTER] = "UPDATE delivery SET state = ?2, since = ?3, due = ?4, reason = coalesce(?5, reason),"
		      " attempts = attempts + ?6, doubt = ?7 WHERE number = ?1",
	[SQL_SET_FLOOR] =
	    "UPDATE delivery SET floor_mailbox = ?2, floor_uidvalidity = ?3, floor_uidnext = ?4 WHERE number = ?1",
	[SQL_SET_DONE] = "UPDATE delivery SET uidvalidity = ?2, uid = ?3, folder = coalesce(?4, folder), reason = ?5,"
			 " prefix = NULL WHERE number = ?1",
	[SQL_SET_FOLDER] = "UPDATE delivery SET folder = ?2, note = ?3, floor_mailbox = NULL, floor_uidvalidity = 0,"
			   " floor_uidnext = 0 WHERE number = ?1",
	[SQL_HISTORY_ADD] = "INSERT INTO history VALUES (?1, ?2, ?3, ?4, ?5, substr(?6, 1, 400))",
	[SQL_HISTORY_LAST] = "SELECT max(n) FROM history WHERE delivery = ?",
	/* The first few and the newest stay. */
	[SQL_HISTORY_CUT] = "DELETE FROM history WHERE delivery = ?1 AND n > ?2 AND n <= ?3",
	[SQL_OPEN_LEFT] = "SELECT 1 FROM delivery WHERE message = ? AND state < 7 LIMIT 1",
	[SQL_MESSAGE_FINISH] = "UPDATE message SET finished = ?2, file = NULL WHERE number = ?1",
	[SQL_PREFIXES_DROP] = "UPDATE delivery SET prefix = NULL WHERE message = ? AND prefix IS NOT NULL",
	[SQL_BODY_DROP] = "DELETE FROM body WHERE message = ?",
	[SQL_FILE_OF] = "SELECT file, place, size FROM message WHERE number = ?",

	[SQL_FLIGHTS] = "SELECT number FROM delivery WHERE account = ? AND state = 2 LIMIT 1",
	[SQL_DUE] =
	    "SELECT d.number, d.message, d.id, d.state, d.folder, d.flags, d.prefix, m.size, m.internal, d.creates,"
	    " d.attempts, d.doubt, d.floor_uidvalidity, d.floor_uidnext, d.floor_mailbox, m.sender"
	    " FROM delivery d JOIN message m ON m.number = d.message WHERE d.number = ?",
	[SQL_DUE_QUEUED] =
	    "SELECT number FROM delivery WHERE account = ?1 AND state = 1 AND due <= ?2 ORDER BY due, number",
	[SQL_DUE_DOUBT] =
	    "SELECT number FROM delivery WHERE account = ?1 AND state = 3 AND due <= ?2 ORDER BY due, number",
	[SQL_INBOX_TOO] =
	    "SELECT 1 FROM delivery WHERE message = ? AND account = ? AND number <> ? AND folder = 'INBOX'"
	    " AND state < 8 LIMIT 1",
	[SQL_FIRST_QUEUED] = "SELECT due, number FROM delivery WHERE account = ?1 AND state = 1 ORDER BY due, number",
	[SQL_FIRST_DOUBT] = "SELECT due, number FROM delivery WHERE account = ?1 AND state = 3 ORDER BY due, number",
	[SQL_BODY_OF] = "SELECT size, file, finished, place FROM message m WHERE number = ?1 AND EXISTS"
			" (SELECT 1 FROM delivery d WHERE d.message = m.number AND d.account = ?2)",
	[SQL_BODY_INLINE] = "SELECT bytes FROM body WHERE message = ?",
	[SQL_OPEN_OF] = "SELECT number FROM delivery WHERE message = ? AND state < 7 ORDER BY number",
	/* The latest time that is on record of what waits, and of the newest message. */
	[SQL_LATEST] = "SELECT max((SELECT coalesce(max(since), 0) FROM delivery WHERE state < 7),"
		       " (SELECT coalesce(max(received), 0) FROM message WHERE number = (SELECT max(number) FROM message)))",
	/* What entered its state in a future that is none any more waits for as long as it was meant to, from now on. */
	[SQL_DUE_BACK] = "UPDATE delivery SET due = ?1 + max(due - since, 0), since = ?1 WHERE state < 7 AND since > ?1",
	[SQL_HOLDS_BACK] = "UPDATE account SET until = max(until - ?2, ?1) WHERE until > ?1",
	/* None may last longer than one of now. */
	[SQL_REPLIES_BACK] = "UPDATE reply SET until = ?1 + CASE fate WHEN 1 THEN ?2 ELSE ?3 END"
			     " WHERE until > ?1 + CASE fate WHEN 1 THEN ?2 ELSE ?3 END",
	[SQL_HOLD_SET] = "INSERT OR REPLACE INTO account (name, until, attempts, reason, person) VALUES (?, ?, ?, ?, ?)",
	[SQL_HOLD_GET] = "SELECT until, attempts, reason FROM account WHERE name = ?",

	/* ?1 behind this message, ?2 up to this one. */
	[SQL_FIND_ALL] = "SELECT m.number FROM message m WHERE m.number > ?1 AND m.number <= ?2" FIND_FILTER
			 " AND (?6 = 0 OR EXISTS (SELECT 1 FROM delivery d WHERE d.message = m.number"
			 " AND ((1 << d.state) & ?6) <> 0)) ORDER BY m.number",
	[SQL_FIND_WAITING] =
	    "SELECT DISTINCT w.message FROM delivery w JOIN message m ON m.number = w.message"
	    " WHERE w.state < 7 AND w.message > ?1 AND w.message <= ?2 AND ((1 << w.state) & ?6) <> 0" FIND_FILTER
	    " ORDER BY w.message",
	[SQL_FIND_ID] = "SELECT number FROM message WHERE id = ?",
	[SQL_MESSAGE] =
	    "SELECT number, id, session, protocol, client, helo, listener, auth, sender, message_id, author, subject,"
	    " received, size, coalesce(finished, 0), (SELECT p.id FROM message p WHERE p.number = m.parent),"
	    " (SELECT group_concat(c.id, ' ') FROM message c WHERE c.parent = m.number) FROM message m WHERE number = ?",
	[SQL_RECIPIENTS] = "SELECT address, account, verdict FROM recipient WHERE message = ? ORDER BY n",
	[SQL_DELIVERIES] = "SELECT " DELIVERY_COLUMNS " FROM delivery WHERE message = ? ORDER BY number",
	[SQL_HISTORY] = "SELECT h.delivery, h.n, h.at, h.state, h.attempt, h.words FROM delivery d"
			" JOIN history h ON h.delivery = d.number WHERE d.message = ? ORDER BY h.delivery, h.n",
	[SQL_LAST_MESSAGE] = "SELECT coalesce(max(number), 0) FROM message",
	[SQL_ACCOUNTS] = "SELECT account, state, count(*), min(CASE WHEN state = 2 THEN 0 ELSE due END), min(message)"
			 " FROM delivery"
			 " WHERE state < 7 GROUP BY account, state ORDER BY account, state",
	[SQL_HOLDS] = "SELECT name, until, attempts, reason, person FROM account WHERE until > 0 ORDER BY name",
	[SQL_RECEIVED] = "SELECT received FROM message WHERE number = ?",
	/* Of the newest that are done, for a restart may have lost which one was filed last. */
	[SQL_FILED] = "SELECT max(since) FROM (SELECT since FROM delivery WHERE account = ? AND state = 7"
		      " ORDER BY number DESC LIMIT 100)",
	[SQL_HOLDS_LIFT] = "UPDATE account SET until = 0, attempts = 0, reason = NULL, person = 0 WHERE ?1 IS NULL OR name = ?1",

	[SQL_ORPHANS] = "SELECT d.message, min(d.since), (SELECT length(b.bytes) FROM body b WHERE b.message = d.message),"
			" max(d.account = ?1) FROM delivery d WHERE d.state < 7"
			" AND NOT EXISTS (SELECT 1 FROM message m WHERE m.number = d.message) GROUP BY d.message",
	[SQL_STAND_IN] = "INSERT INTO message (number, id, sender, subject, received, internal, size)"
			 " VALUES (?1, ?2, '', ?3, ?4, ?4, ?5)",
	[SQL_FILES] = "SELECT number, size, file, place FROM message WHERE file IS NOT NULL",
	[SQL_FILE_KNOWN] = "SELECT 1 FROM message WHERE file = ?",
	[SQL_WAITING_ALL] = "SELECT number FROM delivery WHERE state < 7 AND message > ?1 ORDER BY message, number",
	/* A message and those that it caused go when the last of them was finished so long ago: till then what became of
	 * each says something about the whole, and so of a sibling, too. */
	[SQL_OLD] = "SELECT number FROM message m WHERE finished IS NOT NULL AND finished < ?1"
		    " AND NOT EXISTS (SELECT 1 FROM message c WHERE c.parent = m.number AND coalesce(c.finished, ?1) >= ?1)"
		    " AND NOT EXISTS (SELECT 1 FROM message c WHERE c.parent = m.parent AND coalesce(c.finished, ?1) >= ?1)"
		    " AND NOT EXISTS (SELECT 1 FROM message p WHERE p.number = m.parent AND coalesce(p.finished, ?1) >= ?1)"
		    " ORDER BY finished LIMIT ?2",
	[SQL_OLD_HISTORY] =
	    "DELETE FROM history WHERE delivery IN (SELECT number FROM delivery WHERE message = ?)",
	[SQL_OLD_DELIVERIES] = "DELETE FROM delivery WHERE message = ?",
	[SQL_OLD_RECIPIENTS] = "DELETE FROM recipient WHERE message = ?",
	[SQL_OLD_BODY] = "DELETE FROM body WHERE message = ?",
	[SQL_OLD_MESSAGE] = "DELETE FROM message WHERE number = ?",

	[SQL_QUOTA_GET] = "SELECT coalesce(sum(n), 0) FROM quota WHERE name = ?1 AND day = ?2",
	[SQL_QUOTA_ADD] = "INSERT INTO quota VALUES (?1, ?2, ?3, ?4)"
			  " ON CONFLICT (name, day, user) DO UPDATE SET n = n + ?4",
	[SQL_QUOTA_OLD] = "DELETE FROM quota WHERE name = ?1 AND day < ?2",

	[SQL_MEMORY_KNOWN] = "SELECT 1 FROM memory WHERE account = ?1 AND key = ?2 AND until > ?3",
	[SQL_MEMORY_LAST] = "SELECT coalesce(max(n), 0) FROM memory WHERE account = ?",
	[SQL_MEMORY_ADD] = "INSERT INTO memory VALUES (?1, ?2, ?3, ?4)"
			   " ON CONFLICT (account, key) DO UPDATE SET until = ?4",
	[SQL_MEMORY_CUT] = "DELETE FROM memory WHERE account = ?1 AND n <= ?2",
	[SQL_MEMORY_OLD] = "DELETE FROM memory WHERE (account, n) IN"
			   " (SELECT account, n FROM memory WHERE until <= ?1 LIMIT ?2)",

	[SQL_FACTS_GET] = "SELECT at, text FROM facts WHERE account = ?",
	[SQL_FACTS_SET] = "INSERT OR REPLACE INTO facts VALUES (?, ?, ?)",

	[SQL_SOURCE] = "SELECT " RUN_COLUMNS ", number FROM source WHERE name = ?",
	[SQL_SOURCE_ADD] = "INSERT OR IGNORE INTO source (name) VALUES (?)",
	/* A run that has ended says how it went; one that begins leaves that alone. */
	[SQL_SOURCE_RAN] =
	    "UPDATE source SET started = ?2, ended = ?3, ok = CASE WHEN ?4 THEN ?3 ELSE ok END,"
	    " failures = CASE WHEN ?3 = 0 THEN failures WHEN ?4 THEN 0 ELSE failures + 1 END, ending = ?5, words = ?6,"
	    " messages = ?7, octets = ?8, skipped = ?9, known = ?10, removed = ?11, moved = ?12, marked = ?13,"
	    " next = ?14, restored = CASE WHEN ?4 THEN 0 ELSE restored END WHERE name = ?1",
	/* Only its own folder counts. */
	[SQL_SOURCE_TOOK] = "UPDATE source SET total = total + 1 WHERE name = ?1"
			    " AND number = (SELECT source FROM origin_folder WHERE number = ?2)",
	[SQL_SOURCE_RESTORED] = "UPDATE source SET restored = ?",
	[SQL_SOURCE_DROP] = "DELETE FROM source WHERE number = ?",
	[SQL_SOURCES] = "SELECT " RUN_COLUMNS ", number, name, restored FROM source WHERE number > ? ORDER BY number",
	[SQL_FOLDERS] = "SELECT f.number, f.name, f.uidvalidity, f.uidnext, f.modseq, f.present, f.listed, f.mailbox"
			" FROM source s JOIN origin_folder f ON f.source = s.number"
			" WHERE s.name = ?1 AND f.number > ?2 ORDER BY f.number",
	/* Whose it is: '' when it was dropped. */
	[SQL_FOLDER_OF] = "SELECT coalesce(s.name, '') FROM origin_folder f LEFT JOIN source s ON s.number = f.source"
			  " WHERE f.number = ?",
	[SQL_FOLDER_FIND] = "SELECT f.number FROM source s JOIN origin_folder f ON f.source = s.number"
			    " WHERE s.name = ?1 AND f.name = ?2 AND f.uidvalidity = ?3 AND f.mailbox IN (?4, '')"
			    " ORDER BY f.mailbox = '' LIMIT 1",
	/* For who does not know whose mailbox it is: the one that was in use last. */
	[SQL_FOLDER_ANY] = "SELECT f.number FROM source s JOIN origin_folder f ON f.source = s.number"
			   " WHERE s.name = ?1 AND f.name = ?2 AND f.uidvalidity = ?3"
			   " ORDER BY f.listed DESC, f.number DESC LIMIT 1",
	[SQL_FOLDER_ADD] = "INSERT INTO origin_folder (source, name, uidvalidity, uidnext, modseq, present, listed, mailbox)"
			   " SELECT number, ?2, ?3, 0, 0, 0, 0, ?4 FROM source WHERE name = ?1",
	[SQL_FOLDER_SET] =
	    "UPDATE origin_folder SET uidnext = ?2, modseq = ?3, present = ?4, listed = ?5 WHERE number = ?1",
	/* Once it is known, it stays. */
	[SQL_FOLDER_MAILBOX] = "UPDATE OR IGNORE origin_folder SET mailbox = ?2 WHERE number = ?1 AND mailbox = ''",
	[SQL_FOLDER_DROP] =
	    "UPDATE origin_folder SET source = 0, name = CAST(number AS TEXT), uidvalidity = 0 WHERE number = ?",
	[SQL_FOLDERS_DROP] =
	    "UPDATE origin_folder SET source = 0, name = CAST(number AS TEXT), uidvalidity = 0 WHERE source = ?",
	[SQL_FOLDERS_COUNT] = "SELECT count(*) FROM origin_folder WHERE source = ?",
	[SQL_FOLDER_NEXT] = "SELECT number FROM origin_folder WHERE source = ?1 AND number > ?2 ORDER BY number LIMIT 1",
	[SQL_SOURCE_FOLDER_NEXT] = "SELECT f.number FROM source s JOIN origin_folder f ON f.source = s.number"
				   " WHERE s.name = ?1 AND f.number > ?2 ORDER BY f.number LIMIT 1",
	[SQL_FOLDER_DROPPED] = "SELECT number FROM origin_folder WHERE source = 0 ORDER BY number LIMIT 1",
	[SQL_FOLDER_GONE] = "DELETE FROM origin_folder WHERE number = ?",
	[SQL_ORIGIN] = "SELECT " ORIGIN_COLUMNS " FROM origin WHERE number = ?",
	[SQL_ORIGIN_FOLDER] = "SELECT folder FROM origin WHERE number = ?",
	[SQL_ORIGIN_FIND] = "SELECT " ORIGIN_COLUMNS " FROM origin WHERE folder = ?1 AND uid = ?2",
	[SQL_ORIGIN_NAMES] = "SELECT count(*) FROM origin WHERE folder = ?1 AND name = ?2 AND name <> ''",
	[SQL_ORIGIN_ADD] = "INSERT INTO origin (folder, uid, name, size, head, fate, settled, message, taken, reason)"
			   " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
	[SQL_ORIGIN_SET] = "UPDATE origin SET size = ?2, head = ?3, fate = ?4, settled = ?5, message = ?6, taken = ?7,"
			   " reason = ?8, folder = ?9, uid = ?10, name = ?11, gone = 0, absent = 0, removal = 0, handled = 0 WHERE number = ?1",
	[SQL_ORIGIN_PRESENT] = "UPDATE origin SET gone = 0, absent = 0, removal = 0 WHERE number = ?",
	[SQL_ORIGIN_ABSENT] = "UPDATE origin SET gone = CASE WHEN gone = 0 THEN ?2 ELSE gone END, absent = absent + 1"
			      " WHERE number = ?1",
	[SQL_ORIGIN_REMOVAL] = "UPDATE origin SET removal = 1 WHERE number = ?",
	[SQL_ORIGIN_HANDLED] = "UPDATE origin SET handled = 1 WHERE number = ?",
	[SQL_ORIGIN_TRIED] = "UPDATE origin SET fate = ?2, reason = ?3, size = ?4, head = coalesce(?5, head),"
			     " tries = tries + (tried < ?7), tried = ?6 WHERE number = ?1 AND fate <> 1",
	[SQL_ORIGIN_RENAME] =
	    "UPDATE origin SET folder = ?2, uid = ?3, name = ?4, size = ?5, gone = 0, absent = 0 WHERE number = ?1",
	[SQL_ORIGIN_FORGET] = "DELETE FROM origin WHERE number = ?",
	/* Behind a place, in two steps: those with the same key, then all others. One condition for both would read from the
	 * first with that key each time, and all messages of a POP3 source have the same. */
	[SQL_ORIGINS_SAME] =
	    "SELECT " ORIGIN_COLUMNS " FROM origin WHERE folder = ?1 AND uid = ?2 AND number > ?3 ORDER BY number",
	[SQL_ORIGINS_NEXT] = "SELECT " ORIGIN_COLUMNS " FROM origin WHERE folder = ?1 AND uid > ?2 ORDER BY uid, number",
	[SQL_PENDING_SAME] = "SELECT " ORIGIN_COLUMNS " FROM origin WHERE folder = ?1 AND fate = ?2 AND handled = ?3"
			     " AND taken = ?4 AND number > ?5 ORDER BY number",
	[SQL_PENDING_NEXT] = "SELECT " ORIGIN_COLUMNS " FROM origin WHERE folder = ?1 AND fate = ?2 AND handled = ?3"
			     " AND taken > ?4 AND taken <= ?5 ORDER BY taken, number",
	[SQL_ABSENT] =
	    "SELECT " ORIGIN_COLUMNS " FROM origin WHERE folder = ?1 AND absent > 0 AND number > ?2 ORDER BY number",
	[SQL_ORIGINS_COUNT] = "SELECT count(*) FROM origin o JOIN origin_folder f ON o.folder = f.number"
			      " WHERE f.source = ?",
	[SQL_ORIGINS_SWEEP] =
	    "DELETE FROM origin WHERE number IN (SELECT number FROM origin WHERE folder = ?1 LIMIT ?2)",
	/* What a message was fetched from. */
	[SQL_ORIGIN_OF] = "SELECT s.name, f.name, o.uid, o.name FROM origin o JOIN origin_folder f ON f.number = o.folder"
			  " JOIN source s ON s.number = f.source WHERE o.message = ? AND o.message <> 0",
	[SQL_ORIGIN_STUCK] = "UPDATE origin SET settled = 2 WHERE message = " WHOLE " AND message <> 0",
	/* Parked, quarantined or deleted: stuck. All final: delivered, as each that was merged counts with one that is done.
	 * Nothing to deliver: delivered. */
	[SQL_ORIGIN_SETTLE] =
	    "UPDATE origin SET settled = (SELECT CASE WHEN sum(state IN (4, 5, 9)) > 0 THEN 2"
	    " WHEN sum(state < 7) > 0 THEN 0 WHEN count(*) > 0 AND sum(state = 7) = 0 THEN 2 ELSE 1 END"
	    " FROM delivery WHERE message = origin.message OR message IN (SELECT c.number FROM message c"
	    " WHERE c.parent = origin.message AND c.apart = 0)) WHERE message = " WHOLE " AND message <> 0",
	[SQL_ORIGIN_SWEPT] = "UPDATE origin SET message = 0 WHERE message = ? AND message <> 0",
	[SQL_MINE] = "SELECT 1 FROM delivery WHERE id = ? LIMIT 1",
};
