package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/examples/console"
)

// app is the program after its flags are read.
type app struct {
	options  options
	input    input
	source   string // of the input, in short
	pipeline *pipeline
	local    *local
	audit    *auditLog
	out      io.Writer // for people
	closers  []func() error
}

// remembered is how many requests the reports can tell about.
const remembered = 1000

// room is what the place for events is asked to hold: dead letters for all channels of all requests.
var room = console.Room{Letters: 3 * maxCount}

// newApp opens everything; close closes it.
func newApp(ctx context.Context, o options, c console.Console) (a *app, err error) {
	a = &app{options: o, out: c.Out}
	defer func() {
		if err != nil {
			err = errors.Join(err, a.close())
		}
	}()
	if err := a.read(); err != nil {
		return a, err
	}
	p := parts{
		log: console.NewLog(c.Err, o.levels), workers: o.workers, requests: remembered, service: o.store.Service, contacts: stressContacts,
	}
	if !o.stress {
		if p.contacts, err = openContacts(o.contacts); err != nil {
			return a, err
		}
	}
	if p.policies, err = openPolicies(o.policies); err != nil {
		return a, err
	}
	if p.events, err = a.openEvents(c); err != nil {
		return a, err
	}
	if p.audit, err = a.openAudit(); err != nil {
		return a, err
	}
	if err := a.openGateways(&p); err != nil {
		return a, err
	}
	if p.backend, err = o.store.Open(ctx, room, p.log); err != nil {
		return a, err
	}
	if a.pipeline, err = newPipeline(p); err != nil {
		return a, errors.Join(err, p.backend.Close(ctx))
	}
	a.closers = append(a.closers, a.pipeline.close)
	return a, nil
}

// close closes what was opened, the latest first.
func (a *app) close() error {
	var errs []error
	for _, f := range slices.Backward(a.closers) {
		errs = append(errs, f())
	}
	return errors.Join(errs...)
}

func (a *app) read() (err error) {
	switch {
	case a.options.file != "":
		a.source = filepath.Base(a.options.file)
		a.input, err = openInput(a.options.file)
	case !a.options.interactive && !a.options.stress:
		a.source = "sample"
		a.input, err = sampleInput()
	}
	return err
}

// openEvents opens the event log. When it goes to standard output, what is for people does not.
func (a *app) openEvents(c console.Console) (io.Writer, error) {
	switch a.options.events {
	case "":
		return nil, nil
	case "-":
		a.out = c.Err
		return c.Out, nil
	}
	f, err := os.Create(a.options.events)
	if err != nil {
		return nil, fmt.Errorf("event log: %w", err)
	}
	a.closers = append(a.closers, f.Close)
	return f, nil
}

func (a *app) openAudit() (*auditLog, error) {
	a.audit = newAuditLog(io.Discard)
	if a.options.audit == "" {
		return a.audit, nil
	}
	log, err := openAuditLog(a.options.audit)
	if err != nil {
		return nil, err
	}
	a.audit = log
	a.closers = append(a.closers, log.close)
	return log, nil
}

// openGateways finds the gateways, and starts those that nobody has named.
func (a *app) openGateways(p *parts) (err error) {
	given := map[channel]string{email: a.options.smtp, sms: a.options.sms, push: a.options.push}
	behave := localOptions{latency: a.options.latency, faults: sampleFaults}
	if a.options.stress {
		behave.faults = stressFaults
	}
	missing := slices.DeleteFunc(slices.Clone(channels), func(c channel) bool { return given[c] != "" })
	if a.local, err = startLocal(behave, missing...); err != nil {
		return err
	}
	a.closers = append(a.closers, a.local.close)
	for _, c := range missing {
		given[c] = a.local.url(c)
	}
	var errSMS, errPush error
	p.mail, err = parseMailServer(given[email], a.options.from)
	p.sms, errSMS = newGateway(given[sms], 1)
	p.push, errPush = newGateway(given[push], a.options.workers)
	if err := errors.Join(about("--smtp", err), about("--sms", errSMS), about("--push", errPush)); err != nil {
		return err
	}
	a.closers = append(a.closers, p.sms.close, p.push.close)
	return nil
}

// about says which flag an error is about.
func about(flag string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", flag, err)
}

// batch sends the input and tells what became of it.
func (a *app) batch(ctx context.Context) error {
	a.printHead(fmt.Sprintf("%s from %s", console.Plural(len(a.input.requests), "request"), cmp.Or(a.options.file, "the built-in sample")))
	payloads := make([]actors.Payload, len(a.input.requests))
	for i, r := range a.input.requests {
		payloads[i] = actors.With(r.NotificationRequested, a.id(&r), actors.Meta(metaSource, fmt.Sprintf("%s, line %d", a.source, r.line)))
	}
	stats, err := a.pipeline.spine.RunUntilIdle(ctx, payloads...)
	a.printRequests()
	if err == nil {
		a.printKnown()
	}
	return errors.Join(a.printReport(stats), a.interrupted(ctx, err))
}

// id is the same whenever the file is read: a run that was interrupted and begins again publishes the
// same events, and those that are in the store already are recognised.
func (a *app) id(r *request) actors.ID {
	return console.EventID(a.source, strconv.Itoa(r.line), fmt.Sprintf("%#v", r.NotificationRequested))
}

// printKnown tells of how many requests of the input this run has heard nothing.
func (a *app) printKnown() {
	known := 0
	for i := range a.input.requests {
		if !a.pipeline.record.has(a.id(&a.input.requests[i])) {
			known++
		}
	}
	if known > 0 {
		a.printf("      %s were in the store before and are not sent again, or another program has handled them\n", console.Plural(known, "request"))
	}
}

// metaSource is the name of the metadata that says where a request comes from. Everything that
// follows from it inherits it, dead letters too.
const metaSource = "source"
