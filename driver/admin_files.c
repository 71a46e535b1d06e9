#include "driver/admin_kit.h"

/*
 * The templates, as they are in driver/admin/. The assembler looks for them from the folder where the compiler
 * runs, which is the top of the source tree. The Makefile has the dependency.
 */
#define EMBED(symbol, file)                                                                                  \
	__asm__(".section .rodata\n"                                                                         \
	        ".hidden " #symbol "\n"                                                                      \
	        ".global " #symbol "\n" #symbol ":\n"                                                        \
	        ".incbin \"driver/admin/" file "\"\n"                                                        \
	        ".byte 0\n"                                                                                  \
	        ".text\n");                                                                                  \
	extern const char symbol[] __attribute__((visibility("hidden")))

EMBED(admin_text_readme, "README.txt");
EMBED(admin_text_register, "1-register.ps1");
EMBED(admin_text_grant, "2-grant.ps1");
EMBED(admin_text_enable_imap, "3-enable-imap.ps1");
EMBED(admin_text_verify, "4-verify.ps1");
EMBED(admin_text_seal, "5-seal.ps1");
EMBED(admin_text_revoke, "9-revoke.ps1");

EMBED(admin_part_connect, "connect.ps1");
EMBED(admin_part_error, "error.ps1");
EMBED(admin_part_grant, "grant.ps1");
EMBED(admin_part_grant_by_user, "grant-by-user.ps1");
EMBED(admin_part_guid, "guid.ps1");
EMBED(admin_part_list, "list.ps1");
EMBED(admin_part_registration, "registration.ps1");
EMBED(admin_part_result, "result.ps1");

const struct admin_file admin_files[] = {
    {"README.txt", admin_text_readme, false},
    {"1-register.ps1", admin_text_register, false},
    {"2-grant.ps1", admin_text_grant, false},
    {"3-enable-imap.ps1", admin_text_enable_imap, false},
    {"4-verify.ps1", admin_text_verify, false},
    {"5-seal.ps1", admin_text_seal, true},
    {"9-revoke.ps1", admin_text_revoke, false},
    {0},
};

const struct admin_part admin_parts[] = {
    {"connect", admin_part_connect},
    {"error", admin_part_error},
    {"grant", admin_part_grant},
    {"grant-by-user", admin_part_grant_by_user},
    {"guid", admin_part_guid},
    {"list", admin_part_list},
    {"registration", admin_part_registration},
    {"result", admin_part_result},
    {0},
};
