package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/necrostack/necrostack/spine/redisstream"
)

// Exit codes.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
)

// errUsage reports a mistaken command line.
var errUsage = errors.New("usage")

func usage(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{errUsage}, args...)...)
}

// invocation is one call of the command.
type invocation struct {
	redis, namespace, password string
	json                       bool
	timeout                    time.Duration
	watch                      time.Duration
	letters                    lettersFlags
	words                      []string // the command and what it is about
	out, err                   io.Writer
}

// command is what can be asked for.
type command struct {
	words []string // that follow on its name
	about string
	do    func(ctx context.Context, v *invocation, b *redisstream.Backend) error
}

func commands() map[string]command {
	return map[string]command{
		"health":   {nil, "how the server and the store are", health},
		"services": {nil, "how far each service is", services},
		"shards":   {[]string{"SERVICE"}, "who owns each shard of a service, and what waits there", shards},
		"nodes":    {[]string{"SERVICE"}, "the members of a service's cluster", nodes},
		"letters":  {[]string{"SERVICE"}, "the dead letters of a service, oldest first", letters},
		"letter":   {[]string{"SERVICE", "LETTER"}, "one dead letter whole: error, stack, event", letter},
		"replay":   {[]string{"SERVICE", "LETTER"}, "give its event to the organ that failed once more; LETTER all: each that the flags choose", replay},
		"drop":     {[]string{"SERVICE", "LETTER"}, "remove it for good; LETTER all: each that the flags choose", drop},
		"pin":      {[]string{"SERVICE", "SHARD", "NODE"}, "let a node own a shard, by its name or id", pin},
		"move":     {[]string{"SERVICE", "SHARD", "NODE"}, "the same as pin", pin},
		"unpin":    {[]string{"SERVICE", "SHARD"}, "take a pin back", unpin},
		"reshard":  {[]string{"N"}, "move the store to N shards; no service may be served", reshard},
	}
}

// order is that of the help.
var order = []string{"health", "services", "shards", "nodes", "letters", "letter", "replay", "drop", "pin", "move", "unpin", "reshard"}

// run does what the command line says and returns the exit code.
func run(ctx context.Context, args []string, env func(string) string, out, errs io.Writer) int {
	v, err := parse(args, env, out, errs)
	if errors.Is(err, flag.ErrHelp) {
		return exitOK
	}
	if err == nil {
		err = v.dispatch(ctx)
	}
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, errUsage):
		fmt.Fprintf(errs, "necro: %s\nnecro --help tells more\n", strings.TrimPrefix(err.Error(), "usage: "))
		return exitUsage
	default:
		fmt.Fprintf(errs, "necro: %v\n", err)
		return exitFailed
	}
}

// parse reads the command line; flags may stand before the command or behind it.
func parse(args []string, env func(string) string, out, errs io.Writer) (*invocation, error) {
	v := &invocation{out: out, err: errs}
	f := flag.NewFlagSet("necro", flag.ContinueOnError)
	f.SetOutput(io.Discard)
	f.StringVar(&v.redis, "redis", "", "address of the server, redis://[user[:password]@]host[:port][/db]; default $NECRO_REDIS")
	f.StringVar(&v.namespace, "namespace", redisstream.DefaultNamespace, "namespace of the store")
	f.StringVar(&v.password, "password-env", "", "environment variable with the password")
	f.BoolVar(&v.json, "json", false, "one line of JSON instead of a table")
	f.DurationVar(&v.timeout, "timeout", 10*time.Second, "for how long to try; 0 is without an end, and the default of reshard and of LETTER all")
	f.DurationVar(&v.watch, "watch", 0, "with shards: look again and again, so far apart")
	v.letters.define(f)
	for {
		if err := f.Parse(args); errors.Is(err, flag.ErrHelp) {
			help(out, f)
			return nil, err
		} else if err != nil {
			return nil, usage("%v", err)
		}
		if f.NArg() == 0 {
			break
		}
		v.words = append(v.words, f.Arg(0))
		args = f.Args()[1:]
	}
	if v.redis == "" {
		v.redis = env("NECRO_REDIS")
	}
	given := map[string]bool{}
	f.Visit(func(x *flag.Flag) { given[x.Name] = true })
	v.defaults(given)
	if err := v.check(); err != nil {
		return v, err
	}
	return v, v.letters.check(v.words, given)
}

// defaults are those of some commands: what goes through a whole store takes as long as it takes.
func (v *invocation) defaults(given map[string]bool) {
	if len(v.words) == 0 {
		return
	}
	name := v.words[0]
	whole := name == "reshard" || (name == "replay" || name == "drop") && v.words[len(v.words)-1] == everyLetter
	if whole && !given["timeout"] {
		v.timeout = 0
	}
	if name == "replay" && !given["limit"] {
		v.letters.limit = 0
	}
}

// check finds mistakes that need no server.
func (v *invocation) check() error {
	if len(v.words) == 0 {
		return usage("a command is missing, one of %s", strings.Join(order, ", "))
	}
	name := v.words[0]
	c, ok := commands()[name]
	switch {
	case !ok:
		return usage("unknown command %q, want one of %s", name, strings.Join(order, ", "))
	case len(v.words)-1 != len(c.words):
		return usage("%s takes %s, got %q", name, orNothing(c.words), v.words[1:])
	case v.redis == "":
		return usage("--redis is missing, and $NECRO_REDIS empty: the address of the server")
	case v.timeout < 0:
		return usage("--timeout is %v, want 0 or more", v.timeout)
	case v.watch < 0 || v.watch > 0 && name != "shards":
		return usage("--watch %v is for shards, and more than 0", v.watch)
	}
	for i, what := range c.words {
		if what != "SHARD" && what != "N" {
			continue
		}
		if n, err := strconv.Atoi(v.words[1+i]); err != nil || n < 0 || n > math.MaxInt32 {
			return usage("%s: %s is %q, want a number", name, what, v.words[1+i])
		}
	}
	return nil
}

func orNothing(words []string) string {
	if len(words) == 0 {
		return "nothing more"
	}
	return strings.Join(words, " ")
}

// number is a word that check has found to be one.
func (v *invocation) number(i int) int {
	n, _ := strconv.Atoi(v.words[i])
	return n
}

// dispatch opens the store and does it.
func (v *invocation) dispatch(ctx context.Context) error {
	if v.timeout > 0 && v.watch == 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, v.timeout)
		defer cancel()
	}
	options := []redisstream.Option{
		redisstream.WithNamespace(v.namespace), redisstream.WithNode("necro"), redisstream.WithRelaxedDurability(),
		redisstream.WithLogger(slog.New(slog.NewTextHandler(v.err, &slog.HandlerOptions{Level: slog.LevelError}))),
	}
	if v.password != "" {
		options = append(options, redisstream.WithPasswordEnv(v.password))
	}
	n, err := redisstream.StoredShards(ctx, v.redis, options...)
	if errors.Is(err, redisstream.ErrNoStore) {
		return fmt.Errorf("%w; --namespace names another", err)
	}
	if err != nil {
		return err
	}
	b, err := redisstream.New(v.redis, append(options, redisstream.WithShards(n))...)
	if err != nil {
		return err
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		_ = b.Close(ctx) // it held nothing
	}()
	return commands()[v.words[0]].do(ctx, v, b)
}

func help(out io.Writer, f *flag.FlagSet) {
	fmt.Fprintln(out, "necro --redis URL [flags] COMMAND")
	fmt.Fprintln(out)
	all := commands()
	for _, name := range order {
		fmt.Fprintf(out, "  %-28s %s\n", strings.Join(append([]string{name}, all[name].words...), " "), all[name].about)
	}
	fmt.Fprintln(out)
	f.SetOutput(out)
	f.PrintDefaults()
}
