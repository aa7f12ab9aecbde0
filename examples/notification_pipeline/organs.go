package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/examples/console"
)

// Names of the organs, as policies and reports spell them.
const (
	organValidate = "validate"
	organRouter   = "router"
	organAudit    = "audit"
	organOutcomes = "outcomes"
)

var organNames = []string{organValidate, organRouter, string(email), string(sms), string(push), organAudit, organOutcomes}

// What a request may be, in characters.
const (
	maxUserID = 64
	maxSMS    = 160
	maxPush   = 256
)

var priorities = []string{"low", "normal", "high", "critical"}

// How reasons list what would have been right.
const (
	anyChannel  = "email, sms or push"
	anyPriority = "low, normal, high or critical"
)

// newValidate refuses what cannot be delivered, with every reason at once. A refusal is a dead letter, so
// that somebody can mend and replay it, and a NOTIFICATION_FAILED, for whoever asked; both commit
// together, once.
func newValidate() actors.Organ {
	return actors.NewOrgan(organValidate,
		actors.On(func(_ context.Context, ev actors.EventOf[NotificationRequested]) ([]actors.Payload, error) {
			wanted, reasons := check(ev.Payload)
			if len(reasons) > 0 {
				return nil, actors.Permanent(errors.New(strings.Join(reasons, "; ")))
			}
			who := Recipient{strings.TrimSpace(ev.Payload.UserID)}
			return actors.Emit(NotificationValidated{who, wanted, ev.Payload.Message, ev.Payload.Priority}), nil
		}),
		actors.OnFailed(func(ev actors.EventOf[NotificationRequested], f actors.Failure) []actors.Payload {
			_, reasons := check(ev.Payload)
			if len(reasons) == 0 {
				reasons = []string{f.Err.Error()} // not the request's fault: a panic, say
			}
			return actors.Emit(NotificationFailed{ev.Payload.Recipient, reasons})
		}),
	)
}

// check returns the channels asked for, each once, and every reason to refuse the request.
func check(n NotificationRequested) (wanted []channel, reasons []string) {
	because := func(format string, args ...any) { reasons = append(reasons, fmt.Sprintf(format, args...)) }
	switch id := strings.TrimSpace(n.UserID); {
	case id == "":
		because("user_id is empty")
	case utf8.RuneCountInString(id) > maxUserID:
		because("user_id has %d characters, the limit is %d", utf8.RuneCountInString(id), maxUserID)
	}
	if len(n.Channels) == 0 {
		because("channels is empty, want some of %s", anyChannel)
	}
	for _, name := range n.Channels {
		c := channel(strings.ToLower(strings.TrimSpace(name)))
		switch {
		case !slices.Contains(channels, c):
			because("channel %q is unknown, want %s", console.Clip(name, 40), anyChannel)
		case !slices.Contains(wanted, c):
			wanted = append(wanted, c)
		}
	}
	for _, reason := range checkMessage(n.Message, wanted) {
		because("%s", reason)
	}
	if !slices.Contains(priorities, n.Priority) {
		because("priority is %q, want %s", console.Clip(n.Priority, 40), anyPriority)
	}
	return wanted, reasons
}

// checkMessage refuses what is too long for a channel instead of cutting it: half a message may say
// the opposite.
func checkMessage(text string, wanted []channel) (reasons []string) {
	if strings.TrimSpace(text) == "" {
		reasons = append(reasons, "message is empty")
	}
	if !utf8.ValidString(text) {
		reasons = append(reasons, "message is not UTF-8")
	}
	length := utf8.RuneCountInString(text)
	if slices.Contains(wanted, sms) && length > maxSMS {
		reasons = append(reasons, fmt.Sprintf("message has %d characters, the limit of sms is %d", length, maxSMS))
	}
	if slices.Contains(wanted, push) && length > maxPush {
		reasons = append(reasons, fmt.Sprintf("message has %d characters, the limit of push is %d", length, maxPush))
	}
	return reasons
}

// newRouter turns a request into one event per channel, for the contacts the user has. What the
// user does not have goes straight to the audit.
func newRouter(find contacts) actors.Organ {
	return actors.NewOrgan(organRouter,
		actors.On(func(_ context.Context, ev actors.EventOf[NotificationValidated]) ([]actors.Payload, error) {
			who := find(ev.Payload.UserID)
			emit := make([]actors.Payload, 0, len(ev.Payload.Channels))
			for _, c := range ev.Payload.Channels {
				emit = append(emit, route(ev.Payload, c, who.address(c)))
			}
			return emit, nil
		}))
}

func route(n NotificationValidated, c channel, to string) actors.Payload {
	send := Send{n.Recipient, to, n.Message, n.Priority}
	switch {
	case to == "":
		return ChannelUnreachable{n.Recipient, c}
	case c == email:
		return EmailSendRequested{send, fmt.Sprintf("[%s] %s", n.Priority, console.Clip(n.Message, 60))}
	case c == sms:
		return SMSSendRequested{send}
	default:
		return PushSendRequested{send}
	}
}

// newEmail sends mails. Each worker has a mailer, and so a connection, of its own.
func newEmail(fresh func() *mailer) actors.Organ {
	return actors.PerWorker(string(email), func() (actors.Organ, error) {
		m := fresh()
		deliver := func(ctx context.Context, ev actors.EventOf[EmailSendRequested]) error {
			return m.send(ctx, mailOf(ev))
		}
		return newSender(email, deliver,
			func(d Delivered) actors.Payload { return EmailDelivered{d} },
			func(u Undelivered) actors.Payload { return EmailFailed{u} },
			actors.OnStop(m.close)), nil
	})
}

func newSMS(g *gateway) actors.Organ {
	deliver := func(ctx context.Context, ev actors.EventOf[SMSSendRequested]) error {
		return g.post(ctx, actors.EffectKey(ctx), ev.Payload.Send)
	}
	return newSender(sms, deliver,
		func(d Delivered) actors.Payload { return SMSDelivered{d} },
		func(u Undelivered) actors.Payload { return SMSFailed{u} })
}

func newPush(g *gateway) actors.Organ {
	deliver := func(ctx context.Context, ev actors.EventOf[PushSendRequested]) error {
		return g.post(ctx, actors.EffectKey(ctx), ev.Payload.Send)
	}
	return newSender(push, deliver,
		func(d Delivered) actors.Payload { return PushDelivered{d} },
		func(u Undelivered) actors.Payload { return PushFailed{u} })
}

// sendRequest is one of the three *_SEND_REQUESTED.
type sendRequest interface {
	actors.Payload
	send() Send
}

func (s Send) send() Send { return s }

// newSender is what the channels have in common: deliver and say so, or, when that has failed for
// good, say that.
func newSender[P sendRequest](c channel, deliver func(context.Context, actors.EventOf[P]) error,
	delivered func(Delivered) actors.Payload, failed func(Undelivered) actors.Payload, more ...actors.Reaction,
) actors.Organ {
	return actors.NewOrgan(string(c), append(more,
		actors.On(func(ctx context.Context, ev actors.EventOf[P]) ([]actors.Payload, error) {
			if err := deliver(ctx, ev); err != nil {
				return nil, err
			}
			s := ev.Payload.send()
			return actors.Emit(delivered(Delivered{s.Recipient, s.To, actors.Attempt(ctx)})), nil
		}),
		actors.OnFailed(func(ev actors.EventOf[P], f actors.Failure) []actors.Payload {
			s := ev.Payload.send()
			return actors.Emit(failed(Undelivered{s.Recipient, s.To, f.Attempt, f.Err.Error()}))
		}))...)
}

// newAudit writes one row per channel of a request, whatever became of it, and completes the
// deliveries.
func newAudit(log *auditLog) actors.Organ {
	done := func(ev actors.Event, c channel, d Delivered) ([]actors.Payload, error) {
		row := auditRow{Channel: c, Status: statusDelivered, UserID: d.UserID, To: d.To, Attempts: d.Attempts}
		return actors.Emit(DeliveryCompleted{d, c}), log.write(ev, row)
	}
	failed := func(ev actors.Event, c channel, u Undelivered) error {
		return log.write(ev, auditRow{
			Channel: c, Status: statusFailed, UserID: u.UserID, To: u.To, Attempts: u.Attempts, Reason: u.Reason,
		})
	}
	return actors.NewOrgan(organAudit,
		actors.On(func(_ context.Context, ev actors.EventOf[EmailDelivered]) ([]actors.Payload, error) {
			return done(ev.Event, email, ev.Payload.Delivered)
		}),
		actors.On(func(_ context.Context, ev actors.EventOf[SMSDelivered]) ([]actors.Payload, error) {
			return done(ev.Event, sms, ev.Payload.Delivered)
		}),
		actors.On(func(_ context.Context, ev actors.EventOf[PushDelivered]) ([]actors.Payload, error) {
			return done(ev.Event, push, ev.Payload.Delivered)
		}),
		actors.Sink(func(_ context.Context, ev actors.EventOf[EmailFailed]) error {
			return failed(ev.Event, email, ev.Payload.Undelivered)
		}),
		actors.Sink(func(_ context.Context, ev actors.EventOf[SMSFailed]) error {
			return failed(ev.Event, sms, ev.Payload.Undelivered)
		}),
		actors.Sink(func(_ context.Context, ev actors.EventOf[PushFailed]) error {
			return failed(ev.Event, push, ev.Payload.Undelivered)
		}),
		actors.Sink(func(_ context.Context, ev actors.EventOf[ChannelUnreachable]) error {
			return log.write(ev.Event, auditRow{
				Channel: ev.Payload.Channel, Status: statusUnreachable, UserID: ev.Payload.UserID,
				Reason: "the user has no address for it",
			})
		}))
}
