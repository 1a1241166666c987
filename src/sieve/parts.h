/*
 * The parts of the message as it is now (RFC 2045, 2046), found at first use,
 * and the loops that walk through them (RFC 5703, 3). Heads and bodies are read
 * when they are wanted; memory does not grow with the message.
 */
#ifndef MAILFERRY_SIEVE_PARTS_H
#define MAILFERRY_SIEVE_PARTS_H

#include "msg/charset.h"
#include "msg/html_text.h"
#include "msg/mime_scan.h"
#include "sieve/content.h"

/* A loop; its current part is what tests with :mime look at. */
struct part_loop {
	size_t root; /* whose parts it walks through */
	size_t at;
	bool itself; /* also ROOT: the loop that no other surrounds */
	bool begun;
	bool skip; /* the current part was replaced: its parts are new ones, and not for this loop */
};

struct parts {
	struct mime_scan scan;	     /* places are in the body of the content */
	struct view_header *headers; /* owned: one each; FIELDS is NULL for what was not read yet */
	size_t *ends;		     /* owned: one each: the index behind it and all in it */
	struct arena cache;	     /* for headers and what is seen of them; emptied when it is half full */
	struct part_loop loops[SIEVE_NESTING_MAX];
	size_t nloops; /* also those of including scripts */
	bool found;    /* the scan is that of the message as it is now */
};

/* NULL after run_error. */
struct parts *parts_of(struct run *r);
void parts_drop(struct parts **p);

/* The body is another: the parts are looked for anew at the next use. Loops go on at the same index, SHIFT behind it.
 */
void parts_changed(struct run *r, size_t shift);

/* The type of the message may be another; while a loop runs its parts stay as they were found (RFC 5293, 7). */
void parts_retyped(struct run *r);

/* What the message is to the script that runs now: part 0, or where another script includes it within a loop, the part
 * of that (RFC 6609, 3.5). Its own loops are those above FLOOR. */
struct part_frame {
	size_t subject, floor;
	bool whole; /* the message, also when it was enclosed meanwhile */
	struct part_frame *outer;
};

/* Around the run of a script: F is the caller's. */
void parts_frame_open(struct run *r, struct part_frame *f);
void parts_frame_open_whole(struct run *r, struct part_frame *f); /* whatever loop runs: the message is all of it */
void parts_frame_close(struct run *r, struct part_frame *f);
size_t parts_subject(const struct run *r);

/* Octets of the message, or of the part that is one to the script that runs now. 0, or -1 after run_error. */
int parts_size(struct run *r, uint64_t *size);

/* The index behind part I and all in it. */
size_t parts_end(const struct parts *p, size_t i);

/* The header of part I: that of the message for 0. Valid until the next call. 0, or -1 after run_error. */
int parts_header(struct run *r, size_t i, const struct view_header **h);

/* ---- loops ---- */
int parts_enter(struct run *r); /* 0, or -1 after run_error */
int parts_next(struct run *r);	/* 1, 0 at the end, -1 */
void parts_leave(struct run *r);
size_t parts_depth(const struct run *r);	    /* how many loops run */
void parts_unwind(struct run *r, size_t depth);	    /* leaves all but so many */
bool parts_current(const struct run *r, size_t *i); /* false outside of loops */
void parts_skip(struct run *r);			    /* the innermost loop passes over what lies in its current part */

/* ---- octets ---- */

/* Octets of the body, decoded as they are read. */
struct part_reader {
	uint64_t at, end;
	struct transfer transfer;
	bool decode;
	struct charset_stream text; /* charset NULL: not text, or in a charset that is not known */
	bool markup;		    /* the text of it is wanted, without HTML's tags */
	struct html_text html;
	bool over;
};

/* Those from FROM to TO as they are. */
void part_read_raw(struct part_reader *p, uint64_t from, uint64_t to);

/* What part I, which holds no others, holds: without its transfer encoding, text as UTF-8. */
void part_read(struct part_reader *p, const struct mime_place *place);

/* The same, of HTML only the text. */
void part_read_text(struct part_reader *p, const struct mime_place *place);
void part_reader_free(struct part_reader *p);

/* Appends some more: 1, 0 at the end (nothing more is added), -1 after run_error, also where OUT is full. */
int part_more(struct run *r, struct part_reader *p, struct buf *out);

#endif
