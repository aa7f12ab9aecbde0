package main

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/necrostack/necrostack/examples/console"
)

// options are what the command line says.
type options struct {
	file, contacts          string // input
	interactive, stress     bool   // mode
	count                   int
	smtp, from, sms, push   string // gateways
	store                   console.Store
	latency                 time.Duration
	workers                 int
	events, audit, policies string
	log                     string
	levels                  slog.Level
}

// Bounds of the numbers.
const (
	maxCount   = 100_000
	maxWorkers = 1024
)

const usage = `Usage: notification_pipeline [flags]

Sends notifications by mail, SMS and push. Without flags: a built-in sample, through gateways that
the program starts for itself.

Input
  --file FILE         notifications from FILE.json or FILE.csv
  --interactive       commands from standard input: send, stats, dead, show, retry, quit
  --stress            many generated notifications, with faults among them
  --count N           how many of them (default 1000)
  --contacts FILE     who is reachable where, as JSON (default: the sample's contacts)

Gateways (default: local ones, for this run)
  --smtp URL          smtp://[user:password@]host[:port]
  --from ADDRESS      sender of mails
  --sms URL           http(s)://host/path
  --push URL          http(s)://host/path
  --latency D         what the local SMTP server takes for a mail (default 5ms, with --stress 50ms)
  --workers N         how many mails, and how many pushes, at a time (default 8, with --stress 64)

` + console.StoreUsage + `
Output
  --events FILE       every settled event as a line of JSON; - is standard output, the report then goes to standard error
  --audit FILE        the audit log, one line of JSON per channel of a request; goes on with an existing file
  --policy FILE       policies of organs, as YAML
  --log LEVEL         off, error, warn, info or debug, on standard error (default off: the report tells)
`

// parseFlags reads the command line. What --help prints goes to out.
func parseFlags(args []string, out io.Writer) (options, error) {
	var o options
	f := console.NewFlags("notification_pipeline")
	o.store.Flags(f, "", service)
	f.StringVar(&o.file, "file", "", "")
	f.BoolVar(&o.interactive, "interactive", false, "")
	f.BoolVar(&o.stress, "stress", false, "")
	f.IntVar(&o.count, "count", 1000, "")
	f.StringVar(&o.contacts, "contacts", "", "")
	f.StringVar(&o.smtp, "smtp", "", "")
	f.StringVar(&o.from, "from", "notifications@example.com", "")
	f.StringVar(&o.sms, "sms", "", "")
	f.StringVar(&o.push, "push", "", "")
	f.DurationVar(&o.latency, "latency", 0, "")
	f.IntVar(&o.workers, "workers", 0, "")
	f.StringVar(&o.events, "events", "", "")
	f.StringVar(&o.audit, "audit", "", "")
	f.StringVar(&o.policies, "policy", "", "")
	f.StringVar(&o.log, "log", "off", "")
	return o, console.ParseFlags(f, args, usage, out, o.complete)
}

// complete fills what depends on the mode, and checks everything.
func (o *options) complete(given map[string]bool, rest []string) error {
	errs := []error{console.NoMore(rest), o.store.Check(given)}
	if modes := console.Count(o.file != "", o.interactive, o.stress); modes > 1 {
		errs = append(errs, errors.New("--file, --interactive and --stress exclude each other"))
	}
	if given["count"] && !o.stress {
		errs = append(errs, errors.New("--count goes with --stress"))
	}
	if o.stress && o.contacts != "" {
		errs = append(errs, errors.New("--contacts does not go with --stress, which generates its own"))
	}
	if given["latency"] && o.smtp != "" {
		errs = append(errs, errors.New("--latency is of the local SMTP server, and --smtp names another"))
	}
	o.fill(given)
	for _, n := range []struct {
		name     string
		is, most int
	}{{"count", o.count, maxCount}, {"workers", o.workers, maxWorkers}} {
		if n.is < 1 || n.is > n.most {
			errs = append(errs, fmt.Errorf("--%s is %d, want 1 to %d", n.name, n.is, n.most))
		}
	}
	if o.latency < 0 {
		errs = append(errs, fmt.Errorf("--latency is %s, want 0 or more", o.latency))
	}
	level, err := console.ParseLevel(o.log)
	o.levels = level
	return errors.Join(append(errs, err)...)
}

func (o *options) fill(given map[string]bool) {
	latency, workers, namespace := 5*time.Millisecond, 8, service
	if o.stress {
		latency, workers, namespace = 50*time.Millisecond, 64, service+"-stress" // other users, other addresses
	}
	if !given["latency"] {
		o.latency = latency
	}
	if !given["workers"] {
		o.workers = workers
	}
	if !given["namespace"] {
		o.store.Namespace = namespace
	}
}
