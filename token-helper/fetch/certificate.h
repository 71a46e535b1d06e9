/*
 * What mbhaul-token does with certificates, in the process that has OpenSSL:
 *   certificate --config FILE --profile NAME                                  shows the profile's
 *   new-certificate --config FILE --profile NAME [--days N] [--force]         makes one for the application
 *   new-certificate --out BASE [--days N] [--force]                           makes one to seal a secret for
 */
#ifndef MBHAUL_CERTIFICATE_H
#define MBHAUL_CERTIFICATE_H

#include <stdbool.h>

bool certificate_is_command(const char *word);

/* argv[0] is the command. Prints, and returns the exit code. */
int certificate_command(int argc, char **argv);

#endif
