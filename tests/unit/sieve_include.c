/* include, by the text of RFC 6609. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "sieve/shelf.h"
#include "sieve_tools.h"

static const struct {
	bool global;
	const char *name, *text;
} shelf[] = {
	{ false, "file", "require \"fileinto\"; fileinto \"a\";" },
	{ true, "file", "require \"fileinto\"; fileinto \"site\";" },
	{ false, "flag", "require \"imap4flags\"; addflag \"x\";" },
	{ false, "stop", "require \"fileinto\"; fileinto \"s\"; stop; discard;" },
	{ false, "return", "require [\"include\", \"fileinto\"]; fileinto \"r\"; if true { return; } discard;" },
	{ false, "self", "require \"include\";\n\ninclude \"self\";" },
	{ false, "ping", "require \"include\"; include \"pong\";" },
	{ false, "pong", "require \"include\"; include \"ping\";" },
	{ false, "once-ping", "require [\"include\", \"fileinto\"]; fileinto \"p\"; include :once \"once-ping\";" },
	{ false, "to-main", "require \"include\"; include \"main\";" },
	{ false, "once-main", "require [\"include\", \"fileinto\"]; include :once \"main\"; fileinto \"o\";" },
	{ false, "1", "require [\"include\", \"fileinto\"]; include \"2\";" },
	{ false, "2", "require [\"include\", \"fileinto\"]; include \"3\";" },
	{ false, "3", "require [\"include\", \"fileinto\"]; fileinto \"deep\";" },
	{ false, "not-required", "\n fileinto \"a\";" },
	{ false, "wrong", "keep;\nkep;" },
	{ false, "error", "require \"ihave\";\n error \"no\";" },
	{ false, "private", "require [\"variables\", \"fileinto\"]; fileinto \"-${x}-\"; set \"x\" \"inner\";" },
	{ false, "global", "require [\"include\", \"variables\", \"fileinto\"]; global [\"x\", \"y\"]; "
			   "fileinto \"-${x}-\"; set \"X\" \"inner\"; set :upper \"y\" \"new\";" },
	{ false, "space", "require [\"include\", \"variables\"]; set \"global.x\" \"${global.x}${global.X}\";" },
};

static bool shelf_find(void *arg, bool global, struct slice name, struct slice *text, const char **path)
{
	static const char *const main_text = "require \"include\"; keep;";

	(void)arg;
	if (!global && slice_eq(name, SLICE_LIT("main"))) {
		*text = slice_str(main_text);
		*path = "main again";
		return true;
	}
	for (size_t i = 0; i < sizeof shelf / sizeof shelf[0]; i++) {
		if (shelf[i].global != global || !slice_eq(slice_str(shelf[i].name), name))
			continue;
		*text = slice_str(shelf[i].text);
		*path = shelf[i].name;
		return true;
	}
	return false;
}

static void include_runs(void **state)
{
#define R "require [\"include\", \"fileinto\"]; "
#define V "require [\"include\", \"variables\", \"fileinto\"]; "
	static const struct sieve_scripts scripts = { .self = "main", .find = shelf_find };
	static const struct sieve_case rows[] = {
		/* RFC 6609, 3.2. */
		{ R "include \"file\";", .plan = "fileinto a" },
		{ R "include :personal \"file\"; include :global \"file\";", .plan = "fileinto a; fileinto site" },
		{ R "include \"flag\"; fileinto \"b\";", .plan = "fileinto b (x)" },
		{ R "if false { include \"file\"; }", .plan = "implicit" },
		{ R "include \"file\"; include \"file\"; fileinto \"b\";", .plan = "fileinto a; fileinto b" },
		{ R "include :once \"once-ping\"; include :once \"once-ping\";", .plan = "fileinto p" },
		{ R "include \"stop\"; fileinto \"b\";", .plan = "fileinto s" },
		/* 3.3. */
		{ R "include \"return\"; fileinto \"b\";", .plan = "fileinto r; fileinto b" },
		{ R "fileinto \"b\"; return; discard;", .plan = "fileinto b" },
		{ R "return; discard;", .plan = "implicit" },
		/* What is not there is an error of the run only. */
		{ R "\ninclude \"none\";", .plan = "implicit; t:2:1: error: there is no personal script \"none\"" },
		{ R "\ninclude :global \"flag\";", .plan = "implicit; t:2:1: error: there is no global script \"flag\"" },
		{ R "if false { include \"none\"; }", .plan = "implicit" },
		{ R "include :optional \"none\"; include :optional :once \"file\";", .plan = "fileinto a" },
		/* So is what is within itself (3.1); not with :once. */
		{ R "include \"self\";", .plan = "implicit; self:3:1: error: the script \"self\" would be within itself" },
		{ R "include \"ping\";", .plan = "implicit; pong:1:20: error: the script \"ping\" would be within itself" },
		{ R "include \"to-main\";",
		  .plan = "implicit; to-main:1:20: error: the script \"main\" would be within itself" },
		{ R "include \"once-main\";", .plan = "fileinto o" },
		{ R "include :optional \"self\";",
		  .plan = "implicit; self:3:1: error: the script \"self\" would be within itself" },
		{ R "include \"1\";", .plan = "fileinto deep" },
		/* Each has its own require; its errors name it. */
		{ "require \"include\"; include \"not-required\"; include \"wrong\";",
		  .plan = "compile error: not-required:2:2: error: \"fileinto\" needs the extension: expected require "
			  "\"fileinto\"; at the top of the script\n" },
		{ "require \"include\"; include \"wrong\";",
		  .plan = "compile error: wrong:2:1: error: unknown command \"kep\": expected \"keep\"?\n" },
		{ R "include \"error\";", .plan = "implicit; error:2:2: error: no" },
		{ R "fileinto \"b\";\ninclude \"file\"; error \"x\";",
		  .plan = "compile error: t:2:17: error: \"error\" needs the extension: expected require \"ihave\"; at the "
			  "top of the script\n" },
		/* Names. */
		{ R "\ninclude \"../file\";", .plan = "compile error: t:2:9: error: \"../file\" can't be the name of a script: "
							"\"/\", \"`\" and control characters are not allowed\n" },
		{ R "\ninclude \"foo$(`rm star`)\";",
		  .plan = "compile error: t:2:9: error: \"foo$(`rm star`)\" can't be the name of a script: \"/\", \"`\" and "
			  "control characters are not allowed\n" },
		{ R "\ninclude \"a\x7f\";",
		  .plan = "compile error: t:2:9: error: \"a?\" can't be the name of a script: \"/\", \"`\" and "
			  "control characters are not allowed\n" },
		{ R "\ninclude \"\";",
		  .plan = "compile error: t:2:9: error: expected the name of a script, found an empty string\n" },
		{ R "\ninclude :global :personal \"a\";",
		  .plan = "compile error: t:2:17: error: \":personal\" can't be used with \":global\": expected one of them\n" },
		{ V "\ninclude \"${x}\";",
		  .plan = "compile error: t:2:9: error: \"${x}\" must not hold variables here\n" },
		/* 3.4. */
		{ V "set \"x\" \"outer\"; include \"private\"; fileinto \"${x}\";", .plan = "fileinto --; fileinto outer" },
		{ V "global \"x\"; set \"x\" \"outer\"; include \"global\"; fileinto \"${x}${y}${global.y}\";",
		  .plan = "fileinto -outer-; fileinto innerNEW" },
		{ V "set \"x\" \"mine\"; include \"global\"; fileinto \"${x} ${global.x}\";",
		  .plan = "fileinto --; fileinto mine inner" },
		{ V "global \"x\"; set \"global.x\" \"1\"; include \"space\"; include \"space\"; fileinto \"${x}\";",
		  .plan = "fileinto 1111" },
		{ V "global \"x\"; set \"x\" \"a\"; set \"x\" \"${x}${x}\"; fileinto \"${x}${global.none}\";",
		  .plan = "fileinto aa" },
		{ V "set \"x\" \"1\";\nglobal \"x\";",
		  .plan = "compile error: t:2:8: error: the variable \"x\" can't become global: it was set before\n" },
		{ V "global [\"x\", \"x\"]; global \"X\"; set \"x\" \"1\"; global \"x\"; fileinto \"${x}\";",
		  .plan = "fileinto 1" },
		{ V "\nglobal \"1\";", .plan = "compile error: t:2:8: error: \"1\" is no name of a variable: expected letters, "
						"digits and \"_\", and no digit first\n" },
		{ V "\nglobal \"global.x\";",
		  .plan = "compile error: t:2:8: error: \"global.x\" is no name of a variable: expected letters, "
			  "digits and \"_\", and no digit first\n" },
		{ V "\nset \"global.a.b\" \"x\";",
		  .plan = "compile error: t:2:5: error: the variable \"global.a.b\" can't be set\n" },
		{ V "\nfileinto \"${global.a.b}\";",
		  .plan = "compile error: t:2:10: error: there can be no variable \"global.a.b\"\n" },
		{ R "\nglobal \"x\";", .plan = "compile error: t:2:1: error: \"global\" needs the extension: expected require "
						"\"variables\"; at the top of the script\n" },
		{ "require \"variables\";\nset \"global.x\" \"1\";",
		  .plan = "compile error: t:2:5: error: \"global.x\" needs the extension: expected require \"include\"; at the "
			  "top of the script\n" },
	};

	(void)state;
	sieve_tools_scripts = &scripts;
	CHECK_PLANS(rows);
	sieve_tools_scripts = NULL;
}

static void what_is_missing_is_a_warning(void **state)
{
	static const struct sieve_scripts scripts = { .self = "main", .find = shelf_find };
	struct buf errors, warnings;
	struct sieve_program *p;

	(void)state;
	buf_init(&errors, 2000);
	buf_init(&warnings, 2000);
	p = sieve_compile_telling("t",
				  SLICE_LIT("require \"include\";\ninclude \"none\";\ninclude :optional \"none\";\n"
					    "include :global \"flag\";\ninclude \"file\";\n"),
				  &(struct sieve_telling){ &errors, &warnings, false, &scripts, 0 });
	assert_non_null(p);
	assert_int_equal(errors.n, 0);
	assert_string_equal(buf_str(&warnings),
			    "t:2:1: warning: there is no personal script \"none\": a message that comes here is kept with an "
			    "error\n"
			    "t:4:1: warning: there is no global script \"flag\": a message that comes here is kept with an "
			    "error\n");
	sieve_program_free(&p);
	buf_free(&errors);
	buf_free(&warnings);
}

/* Whoever says no should be right: what may be included would not be read. */
static void who_asks_the_shelf(void **state)
{
	static const struct {
		const char *text;
		bool asks;
	} rows[] = {
		{ "", false },
		{ "require \"fileinto\"; fileinto \"in\\\\clubs\";", false },
		{ "require \"include\"; INCLUDE \"a\";", true },
		{ "require \"incl\\ude\"; INCLUDE \"a\";", true },
		{ "require \"\\i\\n\\c\\l\\u\\d\\e\"; INCLUDE \"a\";", true },
		{ "require \"ininclude\"; INCLUDE \"a\";", true },
		{ "require [\"encoded-character\", \"${hex:69}nclude\"]; INCLUDE \"a\";", true },
		{ "require [\"encoded\\-character\", \"${hex:69}nclude\"]; INCLUDE \"a\";", true },
		{ "# includ", false },
		{ "# includ\\", false },
		{ "# include", true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const struct slice text = slice_str(rows[i].text);

		if (shelf_asks(text) != rows[i].asks)
			fail_msg("row %zu: %s", i, rows[i].text);
		/* What it includes lies elsewhere for each. */
		assert_int_equal(shelf_same(text, text), !rows[i].asks);
	}
	assert_false(shelf_same(SLICE_LIT("keep;"), SLICE_LIT("stop;")));
}

static void include_is_bounded(void **state)
{
	static const struct sieve_scripts two = { .find = shelf_find, .max = 2 };
	static const struct sieve_limits shallow = { .actions = 1, .steps = 1000, .include_depth = 2, .variable_size = 100 };
	static const struct sieve_case rows[] = {
		{ R "include \"file\"; include \"file\"; include \"flag\";\ninclude \"stop\";",
		  .plan = "compile error: t:2:1: error: the script \"stop\" is one too many: at most 2 can be included\n" },
		{ R "include \"1\";",
		  .plan = "compile error: 2:1:34: error: the script \"3\" is one too many: at most 2 can be included\n" },
	};
	static const struct sieve_scripts scripts = { .find = shelf_find };
	static const struct sieve_case deep[] = {
		{ R "include \"2\";", .plan = "fileinto deep" },
		{ R "include \"1\";", .plan = "implicit; 2:1:34: error: more than 2 scripts within each other" },
	};

	(void)state;
	sieve_tools_scripts = &two;
	CHECK_PLANS(rows);
	sieve_tools_scripts = &scripts;
	sieve_tools_input.limits = &shallow;
	CHECK_PLANS(deep);
	sieve_tools_input.limits = NULL;
	sieve_tools_scripts = NULL;
}
#undef R
#undef V

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(include_runs),
		cmocka_unit_test(include_is_bounded),
		cmocka_unit_test(who_asks_the_shelf),
		cmocka_unit_test(what_is_missing_is_a_warning),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
