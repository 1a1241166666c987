#include "msg/charset.h"

#include <errno.h>
#include <iconv.h>

#include "base/utf8.h"

struct charset {
	enum { SET_UTF8, SET_LATIN1, SET_ICONV } kind;
	const char *iconv;
	iconv_t cd; /* opened at first use and kept: opening costs far more than a word */
	bool tried;
};

enum set {
	UTF_8,
	LATIN_1,
	ISO_2,
	ISO_3,
	ISO_4,
	ISO_5,
	ISO_6,
	ISO_7,
	ISO_8,
	ISO_9,
	ISO_10,
	ISO_13,
	ISO_14,
	ISO_15,
	ISO_16,
	WIN_1250,
	WIN_1251,
	WIN_1252,
	WIN_1253,
	WIN_1254,
	WIN_1255,
	WIN_1256,
	WIN_1257,
	WIN_1258,
	WIN_874,
	WIN_932,
	KOI8_R,
	KOI8_U,
	IBM_437,
	IBM_850,
	IBM_852,
	IBM_866,
	MACINTOSH,
	TIS_620,
	GBK,
	GB18030,
	BIG5,
	BIG5_HKSCS,
	EUC_JP,
	ISO_2022_JP,
	EUC_KR,
	UHC,
	ISO_2022_KR,
	UTF_7,
	UTF_16,
	UTF_16BE,
	UTF_16LE,
	UTF_32,
	SETS
};

static struct charset sets[SETS] = {
	[UTF_8] = { .kind = SET_UTF8 },
	[LATIN_1] = { .kind = SET_LATIN1 },
#define SET(id, name) [id] = { .kind = SET_ICONV, .iconv = name }
	SET(ISO_2, "ISO-8859-2"),
	SET(ISO_3, "ISO-8859-3"),
	SET(ISO_4, "ISO-8859-4"),
	SET(ISO_5, "ISO-8859-5"),
	SET(ISO_6, "ISO-8859-6"),
	SET(ISO_7, "ISO-8859-7"),
	SET(ISO_8, "ISO-8859-8"),
	SET(ISO_9, "ISO-8859-9"),
	SET(ISO_10, "ISO-8859-10"),
	SET(ISO_13, "ISO-8859-13"),
	SET(ISO_14, "ISO-8859-14"),
	SET(ISO_15, "ISO-8859-15"),
	SET(ISO_16, "ISO-8859-16"),
	SET(WIN_1250, "CP1250"),
	SET(WIN_1251, "CP1251"),
	SET(WIN_1252, "CP1252"),
	SET(WIN_1253, "CP1253"),
	SET(WIN_1254, "CP1254"),
	SET(WIN_1255, "CP1255"),
	SET(WIN_1256, "CP1256"),
	SET(WIN_1257, "CP1257"),
	SET(WIN_1258, "CP1258"),
	SET(WIN_874, "CP874"),
	SET(WIN_932, "CP932"),
	SET(KOI8_R, "KOI8-R"),
	SET(KOI8_U, "KOI8-U"),
	SET(IBM_437, "CP437"),
	SET(IBM_850, "CP850"),
	SET(IBM_852, "CP852"),
	SET(IBM_866, "CP866"),
	SET(MACINTOSH, "MACINTOSH"),
	SET(TIS_620, "TIS-620"),
	SET(GBK, "GBK"),
	SET(GB18030, "GB18030"),
	SET(BIG5, "BIG5"),
	SET(BIG5_HKSCS, "BIG5-HKSCS"),
	SET(EUC_JP, "EUC-JP"),
	SET(ISO_2022_JP, "ISO-2022-JP"),
	SET(EUC_KR, "EUC-KR"),
	SET(UHC, "UHC"),
	SET(ISO_2022_KR, "ISO-2022-KR"),
	SET(UTF_7, "UTF-7"),
	SET(UTF_16, "UTF-16"),
	SET(UTF_16BE, "UTF-16BE"),
	SET(UTF_16LE, "UTF-16LE"),
	SET(UTF_32, "UTF-32"),
#undef SET
};

/* The usual first; GB2312, Shift_JIS and KS C 5601 stand for their supersets, because senders mean those. */
static const struct {
	const char *name;
	enum set set;
} names[] = {
	{ "utf-8", UTF_8 },
	{ "us-ascii", UTF_8 },
	{ "iso-8859-1", LATIN_1 },
	{ "windows-1252", WIN_1252 },
	{ "iso-8859-15", ISO_15 },
	{ "utf8", UTF_8 },
	{ "ascii", UTF_8 },
	{ "ansi_x3.4-1968", UTF_8 },
	{ "iso646-us", UTF_8 },
	{ "unicode-1-1-utf-8", UTF_8 },
	{ "latin1", LATIN_1 },
	{ "l1", LATIN_1 },
	{ "iso8859-1", LATIN_1 },
	{ "iso_8859-1", LATIN_1 },
	{ "iso88591", LATIN_1 },
	{ "iso-8859-2", ISO_2 },
	{ "iso8859-2", ISO_2 },
	{ "latin2", ISO_2 },
	{ "iso-8859-3", ISO_3 },
	{ "iso-8859-4", ISO_4 },
	{ "iso-8859-5", ISO_5 },
	{ "iso-8859-6", ISO_6 },
	{ "iso-8859-7", ISO_7 },
	{ "iso-8859-8", ISO_8 },
	{ "iso-8859-8-i", ISO_8 },
	{ "iso-8859-8-e", ISO_8 },
	{ "iso-8859-9", ISO_9 },
	{ "latin5", ISO_9 },
	{ "iso-8859-10", ISO_10 },
	{ "iso-8859-13", ISO_13 },
	{ "iso-8859-14", ISO_14 },
	{ "iso8859-15", ISO_15 },
	{ "latin9", ISO_15 },
	{ "latin-9", ISO_15 },
	{ "iso-8859-16", ISO_16 },
	{ "windows-1250", WIN_1250 },
	{ "windows-1251", WIN_1251 },
	{ "windows-1253", WIN_1253 },
	{ "windows-1254", WIN_1254 },
	{ "windows-1255", WIN_1255 },
	{ "windows-1256", WIN_1256 },
	{ "windows-1257", WIN_1257 },
	{ "windows-1258", WIN_1258 },
	{ "windows-874", WIN_874 },
	{ "windows-31j", WIN_932 },
	{ "windows-932", WIN_932 },
	{ "windows-936", GBK },
	{ "windows-949", UHC },
	{ "windows-950", BIG5 },
	{ "cp1250", WIN_1250 },
	{ "cp1251", WIN_1251 },
	{ "cp1252", WIN_1252 },
	{ "cp1253", WIN_1253 },
	{ "cp1254", WIN_1254 },
	{ "cp1255", WIN_1255 },
	{ "cp1256", WIN_1256 },
	{ "cp1257", WIN_1257 },
	{ "cp1258", WIN_1258 },
	{ "cp874", WIN_874 },
	{ "cp932", WIN_932 },
	{ "cp936", GBK },
	{ "cp949", UHC },
	{ "cp950", BIG5 },
	{ "koi8-r", KOI8_R },
	{ "koi8-u", KOI8_U },
	{ "ibm437", IBM_437 },
	{ "cp437", IBM_437 },
	{ "ibm850", IBM_850 },
	{ "cp850", IBM_850 },
	{ "ibm852", IBM_852 },
	{ "cp852", IBM_852 },
	{ "ibm866", IBM_866 },
	{ "cp866", IBM_866 },
	{ "macintosh", MACINTOSH },
	{ "x-mac-roman", MACINTOSH },
	{ "tis-620", TIS_620 },
	{ "iso-8859-11", TIS_620 },
	{ "gb2312", GBK },
	{ "gb_2312-80", GBK },
	{ "euc-cn", GBK },
	{ "gbk", GBK },
	{ "x-gbk", GBK },
	{ "gb18030", GB18030 },
	{ "big5", BIG5 },
	{ "big-5", BIG5 },
	{ "big5-hkscs", BIG5_HKSCS },
	{ "shift_jis", WIN_932 },
	{ "shift-jis", WIN_932 },
	{ "sjis", WIN_932 },
	{ "x-sjis", WIN_932 },
	{ "ms_kanji", WIN_932 },
	{ "euc-jp", EUC_JP },
	{ "x-euc-jp", EUC_JP },
	{ "iso-2022-jp", ISO_2022_JP },
	{ "euc-kr", EUC_KR },
	{ "ks_c_5601-1987", UHC },
	{ "ks_c_5601", UHC },
	{ "ksc5601", UHC },
	{ "iso-2022-kr", ISO_2022_KR },
	{ "utf-7", UTF_7 },
	{ "unicode-1-1-utf-7", UTF_7 },
	{ "utf-16", UTF_16 },
	{ "utf-16be", UTF_16BE },
	{ "utf-16le", UTF_16LE },
	{ "utf-32", UTF_32 },
};

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

static const char replacement[] = "\xef\xbf\xbd";

const struct charset *charset_find(struct slice name)
{
	for (size_t i = 0; i < COUNT(names); i++)
		if (slice_eq_nocase(name, slice_str(names[i].name)))
			return &sets[names[i].set];
	return NULL;
}

static iconv_t converter(const struct charset *c)
{
	struct charset *set = &sets[c - sets];

	if (!set->tried) {
		set->cd = iconv_open("UTF-8", set->iconv);
		set->tried = true;
	}
	return set->cd;
}

void charset_warm(void)
{
	for (size_t i = 0; i < SETS; i++)
		if (sets[i].kind == SET_ICONV)
			(void)converter(&sets[i]);
}

int charset_repair_utf8(struct slice in, struct buf *out)
{
	size_t good = 0;

	while (good < in.n) {
		size_t n = (unsigned char)in.p[good] < 0x80 ? 1 : utf8_char_len(slice_skip(in, good));

		if (n > 0) {
			good += n;
			continue;
		}
		if (buf_add(out, in.p, good) != 0 || buf_add_str(out, replacement) != 0)
			return -1;
		in = slice_skip(in, good + 1);
		good = 0;
	}
	return buf_add_slice(out, in);
}

static int from_latin1(struct slice in, struct buf *out)
{
	size_t n = in.n;
	char *to;

	for (size_t i = 0; i < in.n; i++)
		n += (unsigned char)in.p[i] >= 0x80;
	to = buf_reserve(out, n);
	if (to == NULL)
		return -1;
	for (size_t i = 0; i < in.n; i++)
		to += utf8_encode((unsigned char)in.p[i], to);
	buf_commit(out, n);
	return 0;
}

/* What a converter made of IN, looked at: it is a stranger's code. *IN moves to what it did not take: nothing, or the
 * beginning of a character that the end cuts. FLUSH: what its state holds. */
static int convert(iconv_t cd, struct slice *in, bool flush, struct buf *out)
{
	char chunk[1024];
	char *from = (char *)(uintptr_t)in->p; /* iconv does not write to it */
	size_t left = in->n;
	int ret = 0;

	for (;;) {
		char *to = chunk;
		size_t room = sizeof chunk, before = left, r, got;
		int why;

		if (left == 0 && !flush)
			break;
		r = left == 0 ? iconv(cd, NULL, NULL, &to, &room) : iconv(cd, &from, &left, &to, &room);
		why = errno;
		got = sizeof chunk - room;
		ret = charset_repair_utf8(slice_of(chunk, got), out);
		if (ret != 0)
			break;
		if (r == (size_t)-1 && why == E2BIG && (got > 0 || left < before))
			continue;
		if (before == 0 || (r == (size_t)-1 && why == EINVAL))
			break;
		if (r == (size_t)-1 && left > 0) {
			ret = buf_add_str(out, replacement);
			if (ret != 0)
				break;
			from++;
			left--;
		}
	}
	*in = slice_of(from, left);
	return ret;
}

static int from_iconv(iconv_t cd, struct slice in, struct buf *out)
{
	if (cd == (iconv_t)-1)
		return charset_repair_utf8(in, out);
	(void)iconv(cd, NULL, NULL, NULL, NULL);
	for (;;) {
		if (convert(cd, &in, false, out) != 0)
			return -1;
		if (in.n == 0)
			break;
		/* Cut: what is left of the character is no character. */
		if (buf_add_str(out, replacement) != 0)
			return -1;
		in = slice_skip(in, 1);
	}
	return convert(cd, &in, true, out);
}

int charset_to_utf8(const struct charset *c, struct slice in, struct buf *out)
{
	switch (c->kind) {
	case SET_UTF8:
		return charset_repair_utf8(in, out);
	case SET_LATIN1:
		return from_latin1(in, out);
	case SET_ICONV:
		break;
	}
	return from_iconv(converter(c), in, out);
}

static int hold(struct charset_stream *s, struct slice rest, struct buf *out)
{
	int r = 0;

	/* No charset's character is longer; what is can't be one. */
	while (r == 0 && rest.n > sizeof s->held) {
		r = buf_add_str(out, replacement);
		rest = slice_skip(rest, 1);
	}
	if (rest.n > 0)
		memmove(s->held, rest.p, rest.n);
	s->nheld = rest.n;
	return r;
}

static int feed(struct charset_stream *s, struct slice in, struct buf *out)
{
	iconv_t cd;

	if (s->charset->kind == SET_LATIN1)
		return from_latin1(in, out);
	cd = s->charset->kind == SET_ICONV ? converter(s->charset) : (iconv_t)-1;
	if (cd == (iconv_t)-1) {
		size_t cut = utf8_cut_off(in);

		if (charset_repair_utf8(slice_of(in.p, in.n - cut), out) != 0)
			return -1;
		return hold(s, slice_skip(in, in.n - cut), out);
	}
	if (!s->begun)
		(void)iconv(cd, NULL, NULL, NULL, NULL);
	s->begun = true;
	return convert(cd, &in, false, out) == 0 ? hold(s, in, out) : -1;
}

int charset_feed(struct charset_stream *s, struct slice in, struct buf *out)
{
	/* What was held, and so much of IN that it can't be cut any more. */
	while (s->nheld > 0 && in.n > 0) {
		char joined[sizeof s->held + 1];
		size_t n = s->nheld;

		memcpy(joined, s->held, n);
		joined[n] = in.p[0];
		in = slice_skip(in, 1);
		s->nheld = 0;
		if (feed(s, slice_of(joined, n + 1), out) != 0)
			return -1;
	}
	return in.n > 0 ? feed(s, in, out) : 0;
}

int charset_finish(struct charset_stream *s, struct buf *out)
{
	struct slice none = SLICE_NONE;
	int r = 0;

	for (size_t i = 0; i < s->nheld && r == 0; i++)
		r = buf_add_str(out, replacement);
	s->nheld = 0;
	if (r == 0 && s->begun)
		r = convert(converter(s->charset), &none, true, out);
	s->begun = false;
	return r;
}
