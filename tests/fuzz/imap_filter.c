/* Any bytes from a server: never more out than in, nothing that libetpan can't take, then libetpan itself. */
#include <libetpan/libetpan.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "imap/dialog.h"
#include "imap/filter.h"
#include "imap/filter_check.h"
#include "imap/untagged.h"
#include "net/stream.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

/* libetpan loses memory on responses that it rejects; in life the connection ends then. What this target watches for is
 * worse. */
int __lsan_is_turned_off(void);
int __lsan_is_turned_off(void)
{
	return 1;
}

/* What passes goes through libetpan's parser, as a reply to every tag. */
static void parse(struct slice passed)
{
	mailimap *mi = mailimap_new(0, NULL);
	struct mailimap_response *response;
	struct stream *s;
	int pair[2];

	if (passed.n > 60000 || mi == NULL || socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0)
		abort();
	if (write(pair[1], passed.p, passed.n) != (ssize_t)passed.n)
		abort();
	(void)close(pair[1]);
	s = stream_new(pair[0], "imap.example.net");
	if (mailimap_connect(mi, stream_mailstream(s)) != MAILIMAP_ERROR_STREAM) {
		mi->imap_selection_info = mailimap_selection_info_new();
		for (int i = 0; i < 100 && mailimap_read_line(mi) != NULL; i++) {
			int ret;

			mi->imap_tag = 7;
			ret = mailimap_parse_response(mi, &response);
			if (ret == MAILIMAP_NO_ERROR)
				mailimap_response_free(response);
			else if (ret != MAILIMAP_ERROR_PROTOCOL)
				break;
		}
	}
	mi->imap_stream = NULL;
	mailimap_free(mi);
	stream_close(&s);
}

static void on_space(void *arg, int class, struct slice prefix, char separator)
{
	(void)arg;
	if (class < 0 || class > 2 || prefix.n > UNTAGGED_NAME_MAX || separator == '&')
		abort();
}

static void on_metadata(void *arg, struct slice entry, struct slice value)
{
	(void)arg;
	if (entry.n > UNTAGGED_NAME_MAX || value.n > 1024)
		abort();
}

/* What is kept goes through our own. */
static void read_kept(struct slice kept)
{
	enum untagged_kind kind;
	struct untagged_status st;
	struct untagged_list l;
	struct slice args;

	while (untagged_next(&kept, &kind, &args)) {
		(void)untagged_status(args, &st);
		(void)untagged_list(args, &l);
		buf_free(&l.name);
		untagged_namespace(args, on_space, NULL);
		(void)untagged_enabled(args, SLICE_LIT("UTF8=ACCEPT"));
		untagged_metadata(args, 1024, on_metadata, NULL);
	}
	if (kept.n > 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct imap_filter *f = imap_filter_new();
	struct filter_reply r;
	struct err e;
	struct buf out;
	size_t at = 0;

	if (n > 20000)
		n = 20000;
	imap_start();
	buf_init(&out, 3 * n + 100);
	imap_filter_allow(f, 4096, 1 << 20);
	imap_filter_expect_continue(f);
	while (at < n) {
		size_t step = 1 + (size_t)p[at] % 64 * 16;

		if (step > n - at)
			step = n - at;
		if (imap_filter_feed(f, slice_of((const char *)p + at, step), &out, &e) != 0)
			break;
		at += step;
		while (imap_filter_take(f, &r)) {
			read_kept(slice_of(r.kept, r.kept_len));
			filter_reply_free(&r);
		}
	}
	if (buf_failed(&out))
		abort();
	if (out.n > 0)
		parse(buf_slice(&out));
	buf_free(&out);
	imap_filter_free(&f);
	return 0;
}
