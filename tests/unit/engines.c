#include "driver/engines.h"

#include "base/err.h"
#include "base/text.h"
#include "test.h"

static const struct engines_value values[] = {{"HAUL", "'/a b'"}, {"CAP", "16"}, {NULL, NULL}};

static void engines_are_named(void)
{
	struct err e = ERR_INIT;
	unsigned which = 0;

	CHECK((engines_parse("systemd", &which, &e)) == (0));
	CHECK((which) == (ENGINE_SYSTEMD));
	CHECK((engines_parse("slurm,parallel", &which, &e)) == (0));
	CHECK((which) == (ENGINES_ALL));
	for (const char *const *bad =
	         (const char *const[]){"", ",", "slurm,", "slur", "slurmx", "Slurm", "slurm, parallel", NULL};
	     *bad; bad++) {
		e = (struct err)ERR_INIT;
		CHECK((engines_parse(*bad, &which, &e)) == (-1));
		CHECK((e.code) == (CODE_USAGE));
	}
}

static void filled(const char *template, const char *want)
{
	struct buf b = BUF_INIT(1000);
	struct err e = ERR_INIT;

	CHECK((engines_fill(&b, template, values, &e)) == (want ? 0 : -1));
	if (want)
		CHECK_STR(buf_str(&b), want);
	buf_clear(&b);
}

static void templates_are_filled(void)
{
	filled("haul=@HAUL@ cap=@CAP@\n", "haul='/a b' cap=16\n");
	filled("@CAP@@CAP@", "1616");
	filled("\"$@\" ${a[@]} user@host @service @ @@ @cap@ @CAP",
	       "\"$@\" ${a[@]} user@host @service @ @@ @cap@ @CAP");
	filled("@CAPS@", NULL);
	filled("@CA@", NULL);
	filled("", "");
}

static void too_long_is_told(void)
{
	struct buf b = BUF_INIT(4);
	struct err e = ERR_INIT;

	CHECK((engines_fill(&b, "@HAUL@", values, &e)) == (-1));
	CHECK((e.code) == (CODE_CONFIG));
	buf_clear(&b);
}

static void word(const char *text, bool command, const char *want)
{
	struct buf b = BUF_INIT(1000);

	CHECK((engines_unit_word(&b, text, command)) == (want != NULL));
	if (want)
		CHECK_STR(buf_str(&b), want);
	buf_clear(&b);
}

static void words_of_units_stay_whole(void)
{
	word("/srv/haul-1/a_b.c+d@e", false, "/srv/haul-1/a_b.c+d@e");
	word("/a b", false, "\"/a b\"");
	word("/it's", false, "\"/it's\"");
	word("/100%", false, "\"/100%%\"");
	word("/$HOME", false, "\"/$HOME\"");
	word("/$HOME", true, "\"/$$HOME\"");
	word("", false, "\"\"");
	word("/\xc3\xa9", false, "\"/\xc3\xa9\"");
	word("/a\"b", false, NULL);
	word("/a\\b", true, NULL);
	word("/a\nExecStartPre=/b", false, NULL);
}

int main(void)
{
	TEST(engines_are_named);
	TEST(templates_are_filled);
	TEST(too_long_is_told);
	TEST(words_of_units_stay_whole);
	TEST_END;
}
