// cli: the commands of ratwatch, one file each.
//
// A command gets its own arguments (argv[0] is ratwatch, for getopt's complaints) and returns the exit status: 0 done, 1 failed while running,
// 2 usage or input error. With --help it says how it is used, on standard output.

#pragma once

enum { CLI_DONE = 0, CLI_FAILED = 1, CLI_REFUSED = 2 };

#define CLI_CONFIG "/etc/ratwatch/ratwatch.yaml" // as conf/ratwatchd.service names it

int cli_check(int argc, char **argv);
int cli_explain(int argc, char **argv);
int cli_hash(int argc, char **argv);
int cli_indicators(int argc, char **argv);
int cli_lookup(int argc, char **argv);
int cli_reload(int argc, char **argv);
int cli_rollback(int argc, char **argv);
int cli_status(int argc, char **argv);
