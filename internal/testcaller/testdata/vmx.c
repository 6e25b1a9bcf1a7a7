/*
 * The hypervisor that the debug mode of vmtoolsd speaks to, as a library: what it is told
 * on standard input, a line each, goes to vmtoolsd, and what that says or answers comes
 * out on standard output. The declarations are those of open-vm-tools 12.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct channel;

struct functions {
	int (*start)(struct channel *);
	void (*stop)(struct channel *);
	int (*send)(struct channel *, const char *, size_t, char *, char **, size_t *);
	void (*setup)(struct channel *, void *, const char *, void *);
	void (*shutdown)(struct channel *);
	void *others[2];
};

struct channel {
	const struct functions *functions;
	/* what follows is not ours */
};

struct call {
	const char *name, *args;
	size_t size;
	char *result;
	size_t result_size;
	int free_result;
	void *context, *data;
};

struct library {
	struct channel *(*channel)(void *, struct library *);
	int (*run)(void *, void (*)(void *), void *, struct library *);
	void **plugin;
};

struct channel *RpcChannel_Create(void);
int RpcChannel_Dispatch(struct call *);
unsigned g_timeout_add(unsigned, int (*)(void *), void *);

/* Without it vmtoolsd ends at once where there is no VMware. */
int VmCheck_IsVirtualWorld(void) { return 1; }

static void *context;

/* told hands on the lines that have come. */
static int told(void *channel)
{
	static char line[4096];
	static size_t n;

	while (read(0, line + n, 1) == 1) {
		if (line[n] != '\n') {
			n += n < sizeof line - 2;
			continue;
		}
		line[n] = 0;
		struct call call = {.args = line, .size = n + 1, .context = context, .data = channel};
		int ok = RpcChannel_Dispatch(&call);
		printf("answer %d %.*s\n", ok, (int)call.result_size, call.result ? call.result : "");
		fflush(stdout);
		n = 0;
	}
	return 1;
}

static int start(struct channel *c)
{
	fcntl(0, F_SETFL, fcntl(0, F_GETFL) | O_NONBLOCK);
	g_timeout_add(20, told, c);
	return 1;
}

static int say(struct channel *c, const char *data, size_t size, char *ok, char **result, size_t *result_size)
{
	(void)c;
	printf("said %.*s\n", (int)size, data);
	fflush(stdout);
	*ok = 1;
	if (result)
		*result = strdup("");
	if (result_size)
		*result_size = 0;
	return 1;
}

static void setup(struct channel *c, void *loop, const char *name, void *with)
{
	(void)c, (void)loop, (void)name;
	context = with;
}

static void nothing(struct channel *c) { (void)c; }

static struct channel *channel(void *with, struct library *l)
{
	static const struct functions functions = {start, nothing, say, setup, nothing, {0, 0}};
	struct channel *c = RpcChannel_Create();

	(void)with, (void)l;
	c->functions = &functions;
	return c;
}

static int run(void *with, void (*loop)(void *), void *data, struct library *l)
{
	(void)with, (void)l;
	loop(data);
	return 0;
}

struct library *RpcDebug_Initialize(void *with, char *path)
{
	static void *plugin[5];
	static struct library library = {channel, run, plugin};

	(void)with, (void)path;
	return &library;
}
