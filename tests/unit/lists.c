/* Lists that rules may ask. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "intake/lists.h"

static void members_are_found(void **state)
{
	static const char text[] = "# customers\r\n\n  Info@One.example \r\n@two.example\nthree.example\nsome words\r\n@\n";
	static const struct {
		const char *value;
		bool has;
	} rows[] = {
		{ "info@one.example", true },
		{ "INFO@ONE.EXAMPLE", true },
		{ "other@one.example", false },
		{ "anybody@two.example", true },
		{ "any@body@two.example", true },
		{ "two.example", true },
		{ "@two.example", true },
		{ "sub.two.example", false },
		{ "x@sub.two.example", false },
		{ "three.example", true },
		{ "x@three.example", false },
		{ "Some Words", true },
		{ "# customers", false },
		{ "", false },
	};
	struct lists *lists = NULL;
	struct slice member;
	size_t n = 0;

	(void)state;
	assert_false(lists_has(lists, SLICE_LIT("a"), SLICE_NONE));
	/* The user's address book is there always, if with nobody in it. */
	assert_true(lists_has(lists, SLICE_LIT(":addrbook:Default"), SLICE_NONE));
	assert_false(lists_has(lists, SLICE_LIT(":addrbook:default"), SLICE_LIT("x")));
	assert_false(lists_member(lists, SLICE_LIT(":addrbook:default"), 0, &member));
	lists_add(&lists, "a", SLICE_LIT(text));
	lists_add(&lists, "empty", SLICE_LIT(""));
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		if (lists_has(lists, SLICE_LIT("a"), slice_str(rows[i].value)) != rows[i].has)
			fail_msg("%s: expected %d", rows[i].value, rows[i].has);
	assert_true(lists_has(lists, SLICE_LIT("a"), SLICE_NONE));
	assert_true(lists_has(lists, SLICE_LIT("empty"), SLICE_NONE));
	assert_false(lists_has(lists, SLICE_LIT("A"), SLICE_NONE));
	lists_add(&lists, ":addrbook:default", SLICE_LIT("x"));
	assert_true(lists_has(lists, SLICE_LIT("urn:ietf:params:sieve:addrbook:default"), SLICE_LIT("x")));
	assert_true(lists_has(lists, SLICE_LIT(":addrbook:default"), SLICE_LIT("x")));
	/* RFC 6134, 2.5 */
	assert_true(lists_has(lists, SLICE_LIT(":ADDRBOOK:DEFAULT"), SLICE_LIT("x")));
	assert_true(lists_has(lists, SLICE_LIT(":AddrBook:%44%65%66ault"), SLICE_LIT("x")));
	assert_true(lists_has(lists, SLICE_LIT("URN:ietf:params:sieve:aDdRbOOk:DeFau%6Ct"), SLICE_LIT("x")));
	assert_false(lists_has(lists, SLICE_LIT(":addrbook:default%"), SLICE_NONE));
	assert_false(lists_has(lists, SLICE_LIT(":addrbook:%4"), SLICE_NONE));
	assert_false(lists_has(lists, SLICE_LIT(":addrbook:defaul"), SLICE_NONE));
	assert_false(lists_has(lists, SLICE_LIT(":addrbook:"), SLICE_NONE));
	lists_add(&lists, "urn:ietf:params:sieve:addrbook:Friends", SLICE_LIT("y"));
	assert_true(lists_has(lists, SLICE_LIT(":ADDRBOOK:%46riends"), SLICE_LIT("Y")));
	assert_false(lists_has(lists, SLICE_LIT(":addrbook:friends"), SLICE_NONE));
	assert_false(lists_has(lists, SLICE_LIT("urn:ietf:params:sieve"), SLICE_NONE));
	assert_false(lists_has(lists, SLICE_LIT("addrbook:default"), SLICE_NONE));
	assert_false(lists_has(lists, SLICE_LIT("empty"), SLICE_LIT("")));
	while (lists_member(lists, SLICE_LIT("a"), n, &member))
		n++;
	assert_int_equal(n, 5);
	assert_false(lists_member(lists, SLICE_LIT("none"), 0, &member));
	lists_free(&lists);
	assert_null(lists);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(members_are_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
