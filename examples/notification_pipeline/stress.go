package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/examples/console"
	"github.com/necrostack/necrostack/spine"
)

// stress sends generated requests, one in a hundred to a blocked number, some through
// gateways that are busy at first, and then holds the books of all sides against each other.
func (a *app) stress(ctx context.Context) error {
	o := a.options
	a.printHead(fmt.Sprintf("%s, %s for mail and push", console.Plural(o.count, "generated request"), console.Plural(o.workers, "worker")))
	payloads := make([]actors.Payload, o.count)
	for i := range payloads {
		payloads[i] = stressRequest(i)
	}
	bar := console.NewProgress(a.out, o.count*len(channels), a.audit.count)
	began := time.Now()
	stats, err := a.pipeline.spine.RunUntilIdle(ctx, payloads...)
	took := time.Since(began)
	bar.Stop()
	if err := a.interrupted(ctx, err); err != nil {
		return errors.Join(a.printReport(stats), err)
	}
	err = a.printReport(stats)
	a.printPace(took)
	return errors.Join(err, a.balance(stats))
}

const stressUser = "load-"

func stressRequest(i int) NotificationRequested {
	return NotificationRequested{
		Recipient: Recipient{fmt.Sprintf("%s%06d", stressUser, i)}, Channels: []string{"email", "sms", "push"},
		Message: fmt.Sprintf("Notification %d of the stress run", i+1), Priority: priorities[i%len(priorities)],
	}
}

// stressContacts has everybody whom stressRequest names.
func stressContacts(userID string) contact {
	number, ok := strings.CutPrefix(userID, stressUser)
	if !ok {
		return contact{}
	}
	return contact{Email: userID + "@example.com", Phone: "+351" + number, Device: userID + "-phone"}
}

// stressFaults of an address follow from the digits in it: a blocked phone for one user in a hundred, a
// mailbox or a device that is busy for the first one or two tries for others.
func stressFaults(c channel, address string) fault {
	address, _, _ = strings.Cut(strings.TrimSuffix(address, "-phone"), "@")
	switch {
	case c == sms && strings.HasSuffix(address, "13"):
		return fault{blocked: true}
	case c == email && strings.HasSuffix(address, "21"):
		return fault{busy: 2}
	case c == push && strings.HasSuffix(address, "7"):
		return fault{busy: 1}
	default:
		return fault{}
	}
}

// printPace compares the time of the run with the work that was done in it. Users are spread over workers by
// a hash, so the busiest has about a third more to do than the average.
func (a *app) printPace(took time.Duration) {
	if a.local.smtp == nil {
		return
	}
	o, mails := a.options, a.local.smtp.book()
	work := time.Duration(o.count) * o.latency
	a.printf("It took %s. %s at %s are %s of work, %s for each of %d workers; up to %d were in work at a time.\n",
		console.Short(took), console.Plural(o.count, "mail"), console.Short(o.latency), console.Short(work), console.Short(work/time.Duration(o.workers)), o.workers, mails.most)
}

// errBalance reports books that do not agree.
var errBalance = errors.New("the books do not agree")

// balance checks that nothing was lost and nothing happened twice.
func (a *app) balance(stats spine.Stats) error {
	var wrong []error
	equal := func(what string, got, want int) {
		if got != want {
			wrong = append(wrong, fmt.Errorf("%w: %s: %d, want %d", errBalance, what, got, want))
		}
	}
	counted := a.pipeline.record.counted()
	equal("requests settled", counted.types[NotificationRequested{}.EventType()], a.options.count)
	equal("events settled more than once", counted.repeated, 0)
	total := 0
	for _, c := range channels {
		b := a.pipeline.book(c, stats)
		equal(string(c)+": delivered and dead", b.delivered+b.dead, b.requested)
		equal(string(c)+": requested", b.requested, a.options.count)
		total += b.requested
		if gate := a.local.gate(c); gate != nil {
			equal(string(c)+": accepted by the gateway", gate.book().accepted, b.delivered)
			equal(string(c)+": accepted twice", len(gate.book().repeated), 0)
		}
	}
	equal("rows in the audit log", a.audit.count(), total)
	if len(wrong) > 0 {
		return errors.Join(wrong...)
	}
	a.printf("The books agree: on every channel delivered and dead make requested, and no id comes twice.\n")
	return nil
}
