/* Keys of sources, and of their skip. */
#include "config/keys_impl.h"

#define SOURCE(f) offsetof(struct config_source, f)

static const char *const protocols[] = { "pop3", "imap", NULL };

const struct key keys_source[] = {
	{ .group = KEYS_SOURCE,
	  .name = "protocol",
	  .type = KEY_ENUM,
	  .offset = SOURCE(protocol),
	  .words = protocols,
	  .parts = TO_FETCH,
	  .required = true,
	  .help =
	      "What the server speaks. Take imap where it has both: it knows folders, flags and dates, and can push." },
	{ .group = KEYS_SOURCE,
	  .name = "account",
	  .type = KEY_STRING,
	  .offset = SOURCE(account),
	  .min = 1,
	  .max = 255,
	  .otherwise_is = "the only account; it must be given where there are several",
	  .parts = TO_FETCH,
	  .help = "The account that the mail is for: its rules decide, and its mailbox gets the mail." },
	{ .group = KEYS_SOURCE,
	  .name = "to",
	  .type = KEY_STRING,
	  .offset = SOURCE(to),
	  .min = 3,
	  .max = 320,
	  .otherwise_is = "the first address of the account that is no whole domain, or else user of the source",
	  .parts = TO_FETCH,
	  .help =
	      "The recipient of all mail of this source, as the rules see it: an address that goes to the account." },
	{ .group = KEYS_SOURCE,
	  .name = "recipients_from",
	  .type = KEY_FIELDS,
	  .offset = SOURCE(recipient_headers),
	  .offset2 = SOURCE(nrecipient_headers),
	  .otherwise_is = "all mail is for one recipient: to",
	  .parts = TO_FETCH,
	  .help =
	      "For a mailbox that collects the mail of several people (catch-all): the header fields in which its "
	      "server "
	      "notes whom a message was for, such as \"Delivered-To\", \"X-Original-To\", \"Envelope-To\", or "
	      "\"Received\" for the addresses behind for in those lines. The first field of the list that a message "
	      "has "
	      "counts. Each recipient then goes to the account that has the address. Name only fields that the server "
	      "itself writes, never To or Cc: they do not say where a message was sent." },
	{ .group = KEYS_SOURCE,
	  .name = "unmatched_folder",
	  .type = KEY_STRING,
	  .offset = SOURCE(unmatched),
	  .min = 1,
	  .max = 255,
	  .otherwise = "Unmatched",
	  .parts = TO_FETCH,
	  .help = "With recipients_from: the folder of the account for messages in which no recipient is found that an "
		  "account "
		  "takes. It is made when the first comes." },
	{ .group = KEYS_SOURCE,
	  .name = "rejected_folder",
	  .type = KEY_STRING,
	  .offset = SOURCE(rejected),
	  .min = 1,
	  .max = 255,
	  .otherwise = "Rejected",
	  .parts = TO_FETCH,
	  .help = "The folder of the account for messages that the rules reject: nobody is there any more to whom they "
		  "could "
		  "be returned. Their record has the reason. It is made when the first comes." },
	{ .group = KEYS_SOURCE,
	  .name = "folders",
	  .type = KEY_FOLDERS,
	  .offset = SOURCE(folders),
	  .offset2 = SOURCE(nfolders),
	  .otherwise_is = "\"INBOX\"",
	  .parts = TO_FETCH,
	  .help = "IMAP: which folders are fetched: names; patterns, in which * stands for anything and % for anything "
		  "within one level; uses, such as \"\\\\Junk\" or \"\\\\Sent\"; and with ! in front what is left out: "
		  "[ \"*\", \"!\\\\Trash\", \"!Drafts\" ]. A pattern does not mean folders that only show what lies in "
		  "others "
		  "(Gmail's All Mail, Starred and Important); to fetch one, name it." },
	{ .group = KEYS_SOURCE,
	  .name = "keep",
	  .type = KEY_BOOL,
	  .offset = SOURCE(keep),
	  .otherwise_is = "true, unless delete or move_to is given",
	  .parts = TO_FETCH,
	  .help = "Originals stay where they are. What was fetched is remembered, and not fetched again." },
	{ .group = KEYS_SOURCE,
	  .name = "delete",
	  .type = KEY_DELETE,
	  .offset = SOURCE(delete),
	  .offset2 = SOURCE(delete_after),
	  .min = SECONDS(1),
	  .max = DAYS(36500),
	  .otherwise = "never",
	  .parts = TO_FETCH,
	  .help =
	      "When originals are removed for good. at-once: when mailferry has taken the message over, which is safe "
	      "as "
	      "long as the disk of the spool is. after-delivery: when it has been filed, or the rules have discarded "
	      "it; not while it waits, is in doubt, or was given up. A time: that long after it was taken over. What "
	      "skip leaves is never removed." },
	{ .group = KEYS_SOURCE,
	  .name = "move_to",
	  .type = KEY_STRING,
	  .offset = SOURCE(move_to),
	  .min = 1,
	  .max = 255,
	  .otherwise_is = "they are not moved",
	  .parts = TO_FETCH,
	  .help = "IMAP: the folder of the source that originals are moved to when they have been taken over. It is "
		  "made if "
		  "it is not there." },
	{ .group = KEYS_SOURCE,
	  .name = "mark_seen",
	  .type = KEY_BOOL,
	  .offset = SOURCE(mark_seen),
	  .otherwise = "false",
	  .parts = TO_FETCH,
	  .help =
	      "IMAP: originals are marked as read when they have been taken over. Else they are left as they were." },
	{ .group = KEYS_SOURCE,
	  .name = "skip",
	  .type = KEY_GROUP,
	  .inner = KEYS_SKIP,
	  .help = "Messages that are not fetched and stay where they are." },
	{ .group = KEYS_SOURCE,
	  .name = "every",
	  .type = KEY_DURATION,
	  .offset = SOURCE(every),
	  .min = SECONDS(1),
	  .max = DAYS(366),
	  .otherwise_is = "30m with push; else as at says, or only when mailferry sync asks for it",
	  .parts = TO_FETCH,
	  .help = "How often the source is looked at. A run that takes longer is not overtaken by the next. After a "
		  "pause of "
		  "the machine there is one run, not all that were missed." },
	{ .group = KEYS_SOURCE,
	  .name = "at",
	  .type = KEY_TIMES,
	  .offset = SOURCE(at),
	  .offset2 = SOURCE(nat),
	  .otherwise_is = "no set times",
	  .parts = TO_FETCH,
	  .help =
	      "The times, in the time zone of the machine, at which the source is looked at, as in crontab(5): minute, "
	      "hour, day of month, month, day of week, such as \"*/15 8-18 * * mon-fri\"; or @hourly, @daily, @weekly, "
	      "@monthly; or a list of such texts." },
	{ .group = KEYS_SOURCE,
	  .name = "push",
	  .type = KEY_BOOL,
	  .offset = SOURCE(push),
	  .otherwise = "false",
	  .parts = TO_FETCH,
	  .help =
	      "IMAP: stay logged in and let the server tell when INBOX, or else the first of the folders, gets mail "
	      "(IDLE). The others, and servers that can't, are looked at as every and at say." },
	{ .group = KEYS_SOURCE,
	  .name = "jitter",
	  .type = KEY_DURATION,
	  .offset = SOURCE(jitter),
	  .min = 0,
	  .max = HOURS(1),
	  .otherwise = "5s",
	  .parts = TO_FETCH,
	  .help =
	      "A run begins up to so much later than its time, by a chance that is the same for the same run, so that "
	      "not everybody asks the server at the full minute." },
	{ .group = KEYS_SOURCE,
	  .name = "deadline",
	  .type = KEY_DURATION,
	  .offset = SOURCE(deadline),
	  .min = SECONDS(1),
	  .max = DAYS(7),
	  .otherwise = "1h",
	  .parts = TO_FETCH,
	  .help = "How long one run may take. It ends then, however slow the server is, and the next goes on where it "
		  "ended." },
	{ .group = KEYS_SOURCE,
	  .name = "window",
	  .type = KEY_COUNT,
	  .offset = SOURCE(window),
	  .min = 1,
	  .max = 1000,
	  .otherwise = "256",
	  .parts = TO_FETCH,
	  .help = "How many messages may be asked for that have not come yet, where the server allows more than one. "
		  "So many come in one round trip: on a long line it bounds the speed." },

	{ .group = KEYS_SKIP,
	  .name = "larger",
	  .type = KEY_SIZE,
	  .offset = SOURCE(skip.larger),
	  .min = 1024,
	  .max = GB,
	  .otherwise_is = "only what is larger than message_size of limits",
	  .parts = TO_FETCH,
	  .help = "Messages that are larger." },
	{ .group = KEYS_SKIP,
	  .name = "older",
	  .type = KEY_DURATION,
	  .offset = SOURCE(skip.older),
	  .min = HOURS(1),
	  .max = DAYS(36500),
	  .otherwise_is = "nothing is too old",
	  .parts = TO_FETCH,
	  .help =
	      "Messages that have been there for longer: by the date at which they came into the folder (IMAP), or by "
	      "their newest Received line (POP3)." },
	{ .group = KEYS_SKIP,
	  .name = "note",
	  .type = KEY_BOOL,
	  .offset = SOURCE(skip.note),
	  .otherwise = "false",
	  .parts = TO_FETCH,
	  .help = "File a short message for each message left for its size, with its sender, subject and size." },
};
const size_t keys_nsource = sizeof(keys_source) / sizeof(keys_source[0]);
