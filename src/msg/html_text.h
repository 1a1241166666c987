/*
 * The text of an HTML document, in a stream that may be cut at any octet, as a
 * reader would search it: tags, comments, styles and scripts are gone, the
 * usual character references are what they stand for, white space is one blank,
 * and what begins a new line in a document is a line end. UTF-8 in and out. No
 * document is wrong; what is none comes out as it is.
 */
#ifndef MAILFERRY_MSG_HTML_TEXT_H
#define MAILFERRY_MSG_HTML_TEXT_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/slice.h"

enum html_state { HTML_TEXT, HTML_OPEN, HTML_NAME, HTML_TAG, HTML_QUOTE, HTML_COMMENT, HTML_REFERENCE };

/* Where in a tag: a quote encloses something only as the first of a value. */
enum html_attribute { HTML_BETWEEN, HTML_ATTRIBUTE, HTML_EQUALS, HTML_VALUE };

/* What of its end, or of its beginning, was just seen of a comment. */
enum html_comment { HTML_WITHIN, HTML_DASH, HTML_DASHES, HTML_BANG, HTML_BEGUN, HTML_BEGUN_DASH };

enum { HTML_NAME_MAX = 12 };

struct html_text { /* all zero at the start */
	enum html_state state;
	char name[HTML_NAME_MAX]; /* of a tag, or of a reference */
	size_t n;
	bool cut;	/* the name is longer */
	bool end;	/* of a tag: it begins with "/" */
	enum html_attribute attribute;
	char quote;	/* that ends a quoted value */
	enum html_comment comment;
	bool blank;	/* white space was seen, and nothing since */
	bool within;	/* a line that has something on it */
	const struct slice *hidden; /* the element whose text is passed over, or NULL */
};

/* Appends the text of IN. OUT needs room for 2 * IN.n + 32 octets. 0, or -1 when it is full. */
int html_text_feed(struct html_text *h, struct slice in, struct buf *out);

/* The end of input: a reference that has none comes out as it is. */
int html_text_finish(struct html_text *h, struct buf *out);

#endif
