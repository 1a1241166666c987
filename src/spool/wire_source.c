/* How the memory of sources travels. */
#include "spool/protocol.h"

#define ORIGIN(member) offsetof(struct spool_origin, member)

/* The same members, at BASE of a larger record. */
#define ORIGIN_FIELDS(base)                                                                                            \
	{ 1, WIRE_INT64, false, (base) + ORIGIN(number), 0, 0 },                                                       \
	    { 2, WIRE_INT64, false, (base) + ORIGIN(folder), 0, 0 },                                                   \
	    { 3, WIRE_UINT32, false, (base) + ORIGIN(uid), 0, 0 },                                                     \
	    { 4, WIRE_NAME, false, (base) + ORIGIN(name), 0, ORIGIN_NAME_MAX },                                        \
	    { 5, WIRE_UINT64, false, (base) + ORIGIN(size), 0, 0 },                                                    \
	    { 6, WIRE_FIXED, false, (base) + ORIGIN(head), 0, ORIGIN_HEAD_SIZE },                                      \
	    { 7, WIRE_INT, false, (base) + ORIGIN(fate), 0, ORIGIN_REFUSED },                                          \
	    { 8, WIRE_INT, false, (base) + ORIGIN(settled), 0, ORIGIN_STUCK },                                         \
	    { 9, WIRE_INT64, false, (base) + ORIGIN(message), 0, 0 },                                                  \
	    { 10, WIRE_INT64, false, (base) + ORIGIN(taken_ms), 0, 0 },                                                \
	    { 11, WIRE_INT64, false, (base) + ORIGIN(absent_ms), 0, 0 },                                               \
	    { 12, WIRE_UINT32, false, (base) + ORIGIN(absent), 0, 0 },                                                 \
	    { 13, WIRE_BOOL, false, (base) + ORIGIN(removal), 0, 1 },                                                  \
	    { 14, WIRE_BOOL, false, (base) + ORIGIN(handled), 0, 1 },                                                  \
	    { 15, WIRE_WORDS, false, (base) + ORIGIN(reason), 0, PROTOCOL_TEXT },                                      \
	    { 17, WIRE_UINT32, false, (base) + ORIGIN(tries), 0, 0 },                                                  \
	{                                                                                                              \
		18, WIRE_INT64, false, (base) + ORIGIN(tried_ms), 0, 0                                                 \
	}

static const struct wire_field origin_fields[] = { ORIGIN_FIELDS(0) };
const struct wire_table wire_origin = WIRE_TABLE(GROUP_ORIGIN, struct spool_origin, origin_fields);

static const struct wire_field origin_change_fields[] = {
	ORIGIN_FIELDS(offsetof(struct origin_change, o)),
	{ 16, WIRE_INT, true, offsetof(struct origin_change, act), ORIGIN_ADD, ORIGIN_FORGET },
};
const struct wire_table wire_origin_change =
    WIRE_TABLE(GROUP_ORIGIN_CHANGE, struct origin_change, origin_change_fields);

#define FOLDER(member) offsetof(struct origin_folder, member)

static const struct wire_field folder_fields[] = {
	{ 1, WIRE_INT64, false, FOLDER(number), 0, 0 },
	{ 2, WIRE_NAME, false, FOLDER(name), 0, PROTOCOL_MAILBOX },
	{ 3, WIRE_UINT32, false, FOLDER(uidvalidity), 0, 0 },
	{ 4, WIRE_UINT32, false, FOLDER(uidnext), 0, 0 },
	{ 5, WIRE_UINT64, false, FOLDER(modseq), 0, 0 },
	{ 6, WIRE_UINT32, false, FOLDER(exists), 0, 0 },
	{ 7, WIRE_INT64, false, FOLDER(listed_ms), 0, 0 },
	{ 8, WIRE_NAME, false, FOLDER(mailbox), 0, PROTOCOL_MAILBOX },
};
const struct wire_table wire_folder = WIRE_TABLE(GROUP_FOLDER, struct origin_folder, folder_fields);

#define PAGE(member) offsetof(struct page_of, member)

/* The same members, at BASE of a larger record. */
#define PAGE_FIELDS(base)                                                                                              \
	{ 1, WIRE_INT64, false, (base) + PAGE(folder), 0, 0 }, { 2, WIRE_INT64, false, (base) + PAGE(key), 0, 0 },     \
	    { 3, WIRE_INT64, false, (base) + PAGE(number), 0, 0 },                                                     \
	    { 4, WIRE_INT64, false, (base) + PAGE(source), 0, 0 },                                                     \
	    { 5, WIRE_UINT32, false, (base) + PAGE(fates), 0, 0 },                                                     \
	    { 6, WIRE_UINT32, false, (base) + PAGE(settled), 0, 0 },                                                   \
	    { 7, WIRE_INT64, false, (base) + PAGE(before), 0, 0 },                                                     \
	    { 8, WIRE_BOOL, false, (base) + PAGE(handled), 0, 1 },                                                     \
	    { 9, WIRE_INT, false, (base) + PAGE(phase), 0, 2 * ORIGIN_REFUSED + 1 },                                                       \
	{                                                                                                              \
		10, WIRE_BOOL, false, (base) + PAGE(absent), 0, 1                                                      \
	}

static const struct wire_field page_fields[] = { PAGE_FIELDS(0) };
const struct wire_table wire_page = WIRE_TABLE(GROUP_PAGE, struct page_of, page_fields);

static const struct wire_field id_fields[] = {
	{ 1, WIRE_INT64, true, offsetof(struct id, number), 0, 0 },
	{ 2, WIRE_NAME, false, offsetof(struct id, id), 0, PROTOCOL_ID },
};
const struct wire_table wire_id = WIRE_TABLE(GROUP_ID, struct id, id_fields);

#define RUN(member) offsetof(struct source_run, member)

#define RUN_FIELDS(base)                                                                                               \
	{ 1, WIRE_INT64, false, (base) + RUN(started_ms), 0, 0 },                                                      \
	    { 2, WIRE_INT64, false, (base) + RUN(ended_ms), 0, 0 },                                                    \
	    { 3, WIRE_INT64, false, (base) + RUN(ok_ms), 0, 0 },                                                       \
	    { 4, WIRE_UINT32, false, (base) + RUN(failures), 0, 0 },                                                   \
	    { 5, WIRE_WORDS, false, (base) + RUN(end), 0, PROTOCOL_NAME },                                             \
	    { 6, WIRE_WORDS, false, (base) + RUN(words), 0, PROTOCOL_TEXT },                                           \
	    { 7, WIRE_UINT64, false, (base) + RUN(messages), 0, 0 },                                                   \
	    { 8, WIRE_UINT64, false, (base) + RUN(octets), 0, 0 },                                                     \
	    { 9, WIRE_UINT64, false, (base) + RUN(skipped), 0, 0 },                                                    \
	    { 10, WIRE_UINT64, false, (base) + RUN(known), 0, 0 },                                                     \
	    { 11, WIRE_UINT64, false, (base) + RUN(removed), 0, 0 },                                                   \
	    { 12, WIRE_UINT64, false, (base) + RUN(moved), 0, 0 },                                                     \
	    { 13, WIRE_UINT64, false, (base) + RUN(marked), 0, 0 },                                                    \
	    { 14, WIRE_UINT64, false, (base) + RUN(total), 0, 0 },                                                     \
	{                                                                                                              \
		15, WIRE_INT64, false, (base) + RUN(next_ms), 0, 0                                                     \
	}

static const struct wire_field run_fields[] = { RUN_FIELDS(0) };
const struct wire_table wire_run = WIRE_TABLE(GROUP_RUN, struct source_run, run_fields);

#define SOURCE(member) offsetof(struct spool_source_row, member)

static const struct wire_field source_fields[] = {
	RUN_FIELDS(SOURCE(run)),
	{ 20, WIRE_INT64, true, SOURCE(number), 0, 0 },
	{ 21, WIRE_NAME, true, SOURCE(source), 0, PROTOCOL_NAME },
	{ 22, WIRE_INT64, false, SOURCE(restored_ms), 0, 0 },
	{ 23, WIRE_UINT64, false, SOURCE(folders), 0, 0 },
};
const struct wire_table wire_source = WIRE_TABLE(GROUP_SOURCE, struct spool_source_row, source_fields);

#define COUNTS(member) offsetof(struct counts, member)

static const struct wire_field counts_fields[] = {
	PAGE_FIELDS(COUNTS(next)),
	{ 11, WIRE_UINT64, false, COUNTS(c.fates[ORIGIN_TAKEN]), 0, 0 },
	{ 12, WIRE_UINT64, false, COUNTS(c.fates[ORIGIN_SKIPPED]), 0, 0 },
	{ 13, WIRE_UINT64, false, COUNTS(c.fates[ORIGIN_OWN]), 0, 0 },
	{ 14, WIRE_UINT64, false, COUNTS(c.fates[ORIGIN_KNOWN]), 0, 0 },
	{ 15, WIRE_UINT64, false, COUNTS(c.fates[ORIGIN_REFUSED]), 0, 0 },
	{ 16, WIRE_UINT64, false, COUNTS(c.settled[ORIGIN_WAITS]), 0, 0 },
	{ 17, WIRE_UINT64, false, COUNTS(c.settled[ORIGIN_DELIVERED]), 0, 0 },
	{ 18, WIRE_UINT64, false, COUNTS(c.settled[ORIGIN_STUCK]), 0, 0 },
	{ 19, WIRE_UINT64, false, COUNTS(c.removals), 0, 0 },
	{ 20, WIRE_UINT64, false, COUNTS(c.absent), 0, 0 },
	{ 21, WIRE_INT64, false, COUNTS(c.oldest_absent_ms), 0, 0 },
	{ 22, WIRE_BOOL, false, COUNTS(more), 0, 1 },
};
const struct wire_table wire_counts = WIRE_TABLE(GROUP_COUNTS, struct counts, counts_fields);

#define ENTRY(member) offsetof(struct entry, member)

static const struct wire_field entry_fields[] = {
	{ 1, WIRE_NAME, false, ENTRY(i.folder), 0, PROTOCOL_MAILBOX },
	{ 2, WIRE_UINT32, false, ENTRY(i.uidvalidity), 0, 0 },
	{ 3, WIRE_UINT32, false, ENTRY(i.uid), 0, 0 },
	{ 4, WIRE_NAME, false, ENTRY(i.name), 0, ORIGIN_NAME_MAX },
	{ 5, WIRE_INT64, false, ENTRY(i.taken_ms), 0, 0 },
	{ 6, WIRE_UINT32, false, ENTRY(n), 0, 0 },
};
const struct wire_table wire_entry = WIRE_TABLE(GROUP_ENTRY, struct entry, entry_fields);
