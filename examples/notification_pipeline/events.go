package main

import (
	"cmp"
	"net/url"
	"strings"

	"github.com/necrostack/necrostack/actors"
)

// channel is a way to reach somebody.
type channel string

// The channels, in the order in which reports list them.
const (
	email channel = "email"
	sms   channel = "sms"
	push  channel = "push"
)

var channels = []channel{email, sms, push}

// Recipient is in every payload. It keys them, so that what concerns one user stays together.
type Recipient struct {
	UserID string `json:"user_id"`
}

// EventKey implements actors.KeyedPayload. It always is a key, also for names that are none: a
// request that names nobody has to get as far as the organ that refuses it.
func (r Recipient) EventKey() string {
	name := strings.TrimSpace(r.UserID)
	if len(name) > maxUserID {
		name = name[:maxUserID]
	}
	return cmp.Or(url.PathEscape(name), "nobody")
}

// NotificationRequested comes from outside, so it may be wrong in every field. It has no Validate
// method: what is wrong with it is for the validate organ to say.
type NotificationRequested struct {
	Recipient
	Channels []string `json:"channels"`
	Message  string   `json:"message"`
	Priority string   `json:"priority"`
}

// NotificationValidated is a request that can be routed. A channel is named once.
type NotificationValidated struct {
	Recipient
	Channels []channel `json:"channels"`
	Message  string    `json:"message"`
	Priority string    `json:"priority"`
}

// NotificationFailed is a request that was refused, and every reason why.
type NotificationFailed struct {
	Recipient
	Reasons []string `json:"reasons"`
}

// Send is what one channel has to deliver: the three *_SEND_REQUESTED share it.
type Send struct {
	Recipient
	To       string `json:"to"`
	Text     string `json:"text"`
	Priority string `json:"priority"`
}

// The requests to the channels.
type (
	EmailSendRequested struct {
		Send
		Subject string `json:"subject"`
	}
	SMSSendRequested  struct{ Send }
	PushSendRequested struct{ Send }
)

// ChannelUnreachable is a channel that was asked for and that the user does not have.
type ChannelUnreachable struct {
	Recipient
	Channel channel `json:"channel"`
}

// Delivered says that a gateway has accepted a message.
type Delivered struct {
	Recipient
	To       string `json:"to"`
	Attempts int    `json:"attempts"`
}

// Undelivered says that a message is a dead letter now.
type Undelivered struct {
	Recipient
	To       string `json:"to"`
	Attempts int    `json:"attempts"`
	Reason   string `json:"reason"`
}

// What the channels answer.
type (
	EmailDelivered struct{ Delivered }
	SMSDelivered   struct{ Delivered }
	PushDelivered  struct{ Delivered }
	EmailFailed    struct{ Undelivered }
	SMSFailed      struct{ Undelivered }
	PushFailed     struct{ Undelivered }
)

// DeliveryCompleted says that a delivery is in the audit log.
type DeliveryCompleted struct {
	Delivered
	Channel channel `json:"channel"`
}

// EventType names the event on the wire.
func (NotificationRequested) EventType() string { return "NOTIFICATION_REQUESTED" }

// EventType names the event on the wire.
func (NotificationValidated) EventType() string { return "NOTIFICATION_VALIDATED" }

// EventType names the event on the wire.
func (NotificationFailed) EventType() string { return "NOTIFICATION_FAILED" }

// EventType names the event on the wire.
func (EmailSendRequested) EventType() string { return "EMAIL_SEND_REQUESTED" }

// EventType names the event on the wire.
func (SMSSendRequested) EventType() string { return "SMS_SEND_REQUESTED" }

// EventType names the event on the wire.
func (PushSendRequested) EventType() string { return "PUSH_SEND_REQUESTED" }

// EventType names the event on the wire.
func (ChannelUnreachable) EventType() string { return "CHANNEL_UNREACHABLE" }

// EventType names the event on the wire.
func (EmailDelivered) EventType() string { return "EMAIL_DELIVERED" }

// EventType names the event on the wire.
func (SMSDelivered) EventType() string { return "SMS_DELIVERED" }

// EventType names the event on the wire.
func (PushDelivered) EventType() string { return "PUSH_DELIVERED" }

// EventType names the event on the wire.
func (EmailFailed) EventType() string { return "EMAIL_FAILED" }

// EventType names the event on the wire.
func (SMSFailed) EventType() string { return "SMS_FAILED" }

// EventType names the event on the wire.
func (PushFailed) EventType() string { return "PUSH_FAILED" }

// EventType names the event on the wire.
func (DeliveryCompleted) EventType() string { return "DELIVERY_COMPLETED" }

var _ actors.KeyedPayload = NotificationRequested{}
