#include "relay/stuff.h"

int stuff_add(struct stuffing *s, struct slice piece, struct buf *out)
{
	size_t from = 0;

	for (size_t i = 0; i < piece.n; i++) {
		const char c = piece.p[i];
		const char *before = NULL;

		if (s->at == STUFF_CR && c != '\n') {
			before = "\n";
			s->at = STUFF_BEGIN;
		}
		if (c == '\n' && s->at != STUFF_CR)
			before = "\r";
		else if (c == '.' && s->at == STUFF_BEGIN)
			before = before == NULL ? "." : "\n.";
		if (before != NULL) {
			if (buf_add(out, piece.p + from, i - from) != 0 || buf_add_str(out, before) != 0)
				return -1;
			from = i;
		}
		s->at = c == '\n' ? STUFF_BEGIN : c == '\r' ? STUFF_CR : STUFF_MIDDLE;
	}
	return buf_add_slice(out, slice_skip(piece, from));
}

int stuff_end(struct stuffing *s, struct buf *out)
{
	const char *rest = s->at == STUFF_BEGIN ? "" : s->at == STUFF_CR ? "\n" : "\r\n";

	*s = (struct stuffing){ STUFF_BEGIN };
	return buf_add_str(out, rest) == 0 ? buf_add_str(out, ".\r\n") : -1;
}
