#include "msg/mime.h"

#include <stdlib.h>

#include "base/mem.h"
#include "msg/header.h"
#include "msg/mime_param.h"

/* A part as its places and its header say. */
static void fill_part(struct mime_part *p, const struct mime_place *place, struct slice message)
{
	*p = (struct mime_part){
		.parent = place->parent,
		.depth = place->depth,
		.message = place->message,
		.multipart = place->multipart,
		.head = slice_of(slice_skip(message, (size_t)place->head).p, (size_t)(place->body - place->head)),
		.body = slice_of(slice_skip(message, (size_t)place->body).p, (size_t)(place->end - place->body)),
		.encoding = place->encoding,
	};
	p->content_type = mime_part_field(p, SLICE_LIT("Content-Type"));
	if (!mime_type_parse(p->content_type, &p->type, &p->subtype) && p->content_type.n == 0 &&
	    strcmp(place->type, "message/rfc822") == 0) {
		p->type = SLICE_LIT("message");
		p->subtype = SLICE_LIT("rfc822");
	}
}

void mime_parse(struct mime *m, struct slice message)
{
	struct mime_scan scan;

	mime_scan_init(&scan);
	mime_scan_feed(&scan, message);
	mime_scan_finish(&scan);
	*m = (struct mime){ .parts = mem_array(scan.n, sizeof *m->parts), .n = scan.n, .cut = scan.cut };
	for (size_t i = 0; i < scan.n; i++)
		fill_part(&m->parts[i], &scan.parts[i], message);
	mime_scan_free(&scan);
}

void mime_free(struct mime *m)
{
	free(m->parts);
	*m = (struct mime){ 0 };
}

struct slice mime_part_field(const struct mime_part *p, struct slice name)
{
	struct slice rest = p->head;
	struct header_field f;

	while (header_next(&rest, &f))
		if (f.name.n > 0 && slice_eq_nocase(f.name, name))
			return f.value;
	return SLICE_NONE;
}

int mime_part_param(const struct mime_part *p, struct slice name, struct buf *out)
{
	return mime_param(p->content_type, name, out);
}

int mime_part_filename(const struct mime_part *p, struct buf *out)
{
	int r = mime_param(mime_part_field(p, SLICE_LIT("Content-Disposition")), SLICE_LIT("filename"), out);

	return r != 0 ? r : mime_param(p->content_type, SLICE_LIT("name"), out);
}

int mime_part_decode(const struct mime_part *p, struct buf *out)
{
	struct transfer t;
	int r;

	transfer_init(&t, p->encoding);
	r = transfer_feed(&t, p->body, out) == 0 && transfer_finish(&t, out) == 0 ? 0 : -1;
	transfer_free(&t);
	return r;
}
