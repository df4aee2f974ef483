#include "question.h"

#include "ask.h"
#include "cli.h"
#include "print.h"

#include <jansson.h>

#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>

static int
usage(const struct question *q, FILE *to)
{
	fprintf(to, "usage: %s\n", q->usage);
	return to == stdout ? CLI_DONE : CLI_REFUSED;
}

int
question(const struct question *q, int argc, char **argv)
{
	static const struct option longs[] = {{"help", no_argument, NULL, 'h'},
					      {"socket", required_argument, NULL, 's'},
					      {0}};
	const char *socket = ASK_SOCKET;
	bool json = false, wrong = false;
	json_t *answer;
	int option, status;

	while ((option = getopt_long(argc, argv, "o:", longs, NULL)) != -1) {
		if (option == 'h')
			return usage(q, stdout);
		if (option == 's')
			socket = optarg;
		else
			wrong |= option != 'o' || !print_form(optarg, &json);
	}
	if (wrong || argc - optind != q->words)
		return usage(q, stderr);
	if ((status = ask(socket, q->ask(argv + optind), ASK_PATIENCE_S, &answer)) != CLI_DONE)
		return status;
	status = json ? print_json(answer) : q->print(answer);
	json_decref(answer);
	return status;
}
