#include "failure.h"

const char *const failure_words[FAILURE_WORDS] = {
    [FAILURE_NO_PROFILE] = "no-profile",
    [FAILURE_FOREIGN_HOST] = "foreign-host",
    [FAILURE_REFUSED] = "refused",
    [FAILURE_LATER] = "later",
    [FAILURE_UNAVAILABLE] = "unavailable",
    [FAILURE_CONFIG] = "config",
    [FAILURE_BAD_REQUEST] = "bad-request",
    [FAILURE_TIMEOUT] = "timeout",
    [FAILURE_BUSY] = "busy",
    [FAILURE_DENIED] = "denied",
};

void failure_set_word(struct failure *f, enum failure_word word)
{
	static const int codes[FAILURE_WORDS] = {
	    [FAILURE_NO_PROFILE] = CODE_CONFIG,
	    [FAILURE_FOREIGN_HOST] = CODE_CONFIG,
	    [FAILURE_REFUSED] = CODE_REFUSED,
	    [FAILURE_LATER] = CODE_LATER,
	    [FAILURE_UNAVAILABLE] = CODE_UNAVAILABLE,
	    [FAILURE_CONFIG] = CODE_CONFIG,
	    [FAILURE_BAD_REQUEST] = CODE_USAGE,
	    [FAILURE_TIMEOUT] = CODE_LATER,
	    [FAILURE_BUSY] = CODE_LATER,
	    [FAILURE_DENIED] = CODE_REFUSED,
	};

	f->word = word;
	f->err.code = codes[word];
}

void failure_from_code(struct failure *f)
{
	switch (f->err.code) {
	case CODE_USAGE:
		f->word = FAILURE_BAD_REQUEST;
		break;
	case CODE_LATER:
		f->word = FAILURE_LATER;
		break;
	case CODE_REFUSED:
		f->word = FAILURE_REFUSED;
		break;
	case CODE_CONFIG:
		f->word = FAILURE_CONFIG;
		break;
	default:
		f->word = FAILURE_UNAVAILABLE;
		f->err.code = CODE_UNAVAILABLE;
	}
}

bool failure_is_transient(const struct failure *f)
{
	return f->word == FAILURE_LATER || f->word == FAILURE_UNAVAILABLE || f->word == FAILURE_TIMEOUT ||
	       f->word == FAILURE_BUSY;
}
