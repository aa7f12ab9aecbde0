package main

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/actors"
)

func TestRefusedRequestFailsWithEveryReasonAndOneDeadLetter(t *testing.T) {
	t.Parallel()
	r := build(t, localOptions{}, nil)
	bad := NotificationRequested{Recipient{" "}, []string{"telegram", "email"}, "\t", "asap"}
	r.run(t, bad)
	reasons := []string{
		"user_id is empty", `channel "telegram" is unknown, want email, sms or push`, "message is empty",
		`priority is "asap", want low, normal, high or critical`,
	}
	failed := r.settled(t, "NOTIFICATION_FAILED")
	require.Len(t, failed, 1)
	assert.Equal(t, reasons, decodePayload[NotificationFailed](t, failed[0]).Reasons)
	letters := r.dead(t)
	require.Len(t, letters, 1)
	assert.Equal(t, strings.Join(reasons, "; "), letters[0].Error)
	assert.Equal(t, actors.KindPermanent, letters[0].Reason)
	assert.Equal(t, 1, letters[0].Attempts)
	assert.Equal(t, failed[0].Correlation, letters[0].Event.ID().String())
	assert.Empty(t, r.settled(t, "NOTIFICATION_VALIDATED"))
	assert.Empty(t, r.rows(t), "nothing was sent, so there is nothing to audit")
}

func TestCheckFindsEveryMistake(t *testing.T) {
	t.Parallel()
	limit := strings.Repeat("é", maxSMS) // characters count, not bytes
	for _, c := range []struct {
		name    string
		request NotificationRequested
		wanted  []channel
		reasons []string
	}{
		{"fine", ask("alice", "Hi", "email", "sms", "push"), []channel{email, sms, push}, nil},
		{"channels in any case, each once", ask("alice", "Hi", " Email", "EMAIL", "push "), []channel{email, push}, nil},
		{"sms at its limit", ask("alice", limit, "sms"), []channel{sms}, nil},
		{"sms beyond", ask("alice", limit+"!", "sms"), []channel{sms}, []string{"message has 161 characters, the limit of sms is 160"}},
		{"long mail", ask("alice", limit+limit, "email"), []channel{email}, nil},
		{"push at its limit", ask("alice", strings.Repeat("x", maxPush), "push"), []channel{push}, nil},
		{"both beyond", ask("alice", strings.Repeat("x", maxPush+1), "push", "sms"), []channel{push, sms}, []string{
			"message has 257 characters, the limit of sms is 160", "message has 257 characters, the limit of push is 256",
		}},
		{"nobody", ask("", "Hi", "sms"), []channel{sms}, []string{"user_id is empty"}},
		{"long name", ask(strings.Repeat("a", maxUserID+1), "Hi", "sms"), []channel{sms}, []string{"user_id has 65 characters, the limit is 64"}},
		{"no channel", ask("alice", "Hi"), nil, []string{"channels is empty, want some of email, sms or push"}},
		{"no text", ask("alice", "", "sms"), []channel{sms}, []string{"message is empty"}},
		{"no UTF-8", ask("alice", "\xff", "sms"), []channel{sms}, []string{"message is not UTF-8"}},
	} {
		wanted, reasons := check(c.request)
		assert.Equal(t, c.wanted, wanted, c.name)
		assert.Equal(t, c.reasons, reasons, c.name)
	}
}

func TestEveryUserHasAKey(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"", "alice", "Ann Lee", "Zoë", `a"b\c`, strings.Repeat("ü", 500), "\xff\n"} {
		assert.NoError(t, actors.CheckName("key", Recipient{name}.EventKey()), "%q", name)
	}
	assert.NotEqual(t, Recipient{"a b"}.EventKey(), Recipient{"a+b"}.EventKey())
}

func TestRouterUsesOnlyTheContactsAUserHas(t *testing.T) {
	t.Parallel()
	r := build(t, localOptions{}, nil)
	r.run(t, ask("bob", "Hi", "email", "sms", "push"), ask("stranger", "Hi", "email"))
	assert.Len(t, r.settled(t, "EMAIL_SEND_REQUESTED"), 1)
	assert.Empty(t, r.settled(t, "SMS_SEND_REQUESTED"), "bob has no phone")
	assert.Len(t, r.settled(t, "PUSH_SEND_REQUESTED"), 1)
	assert.Len(t, r.settled(t, "CHANNEL_UNREACHABLE"), 2)
	assert.Empty(t, r.dead(t))
}

func TestUnreachableRequestGoesStraightToTheAudit(t *testing.T) {
	t.Parallel()
	r := build(t, localOptions{}, nil)
	r.run(t, ask("dave", "Hi", "sms"))
	rows := r.rows(t)
	require.Len(t, rows, 1)
	assert.Equal(t, statusUnreachable, rows[0].Status)
	assert.Equal(t, sms, rows[0].Channel)
	assert.Equal(t, "dave", rows[0].UserID)
	assert.Empty(t, r.settled(t, "DELIVERY_COMPLETED"))
}

func TestEveryDeliveryIsCompletedAndAuditedOnce(t *testing.T) {
	t.Parallel()
	r := build(t, localOptions{}, nil)
	r.run(t, ask("alice", "Hello", "email", "sms", "push"))
	completed := map[channel]int{}
	for _, ev := range r.settled(t, "DELIVERY_COMPLETED") {
		completed[decodePayload[DeliveryCompleted](t, ev).Channel]++
	}
	assert.Equal(t, map[channel]int{email: 1, sms: 1, push: 1}, completed)
	audited := map[channel]auditRow{}
	for _, row := range r.rows(t) {
		assert.NotContains(t, audited, row.Channel, "one row per channel")
		audited[row.Channel] = row
	}
	require.Len(t, audited, 3)
	request := r.settled(t, "NOTIFICATION_REQUESTED")[0]
	delivered := r.settled(t, "EMAIL_DELIVERED")[0]
	assert.Equal(t, auditRow{
		ID: parseID(t, delivered.ID), Request: parseID(t, request.ID), Time: delivered.Timestamp, UserID: "alice",
		Channel: email, Status: statusDelivered, To: "alice@example.com", Attempts: 1,
	}, audited[email])
}

func parseID(t *testing.T, text string) actors.ID {
	t.Helper()
	id, err := actors.ParseID(text)
	require.NoError(t, err)
	return id
}

// smsPause is how long an SMS takes below, so that two at a time would be seen.
const smsPause = 5 * time.Millisecond

// Wall time is that of the slowest channel when channels work at the same time, and so do the workers of
// mail and push. Here none of them goes on before two of each are in work; SMS is one at a time.
func TestChannelsAndWorkersWorkAtTheSameTime(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	inWork := map[channel]int{}
	together := make(chan struct{})
	hold := func(c channel) {
		if c == sms {
			time.Sleep(smsPause) // the next one would come now, if it could
			return
		}
		mu.Lock()
		inWork[c]++
		if inWork[email] >= 2 && inWork[push] >= 2 {
			select {
			case <-together:
			default:
				close(together)
			}
		}
		mu.Unlock()
		select {
		case <-together:
		case <-time.After(bound): // the test fails below
		}
	}
	everybody := func(user string) contact { return contact{user + "@example.com", "+1 " + user, user + "-phone"} }
	r := build(t, localOptions{hold: hold}, func(p *parts) { p.contacts = everybody })
	var requests []actors.Payload
	for _, user := range strings.Fields("ann ben cid dan eve fay gus hal") {
		requests = append(requests, ask(user, "Hi", "email", "sms", "push"))
	}
	r.run(t, requests...)
	select {
	case <-together:
	default:
		t.Error("mails and pushes were never in work together")
	}
	assert.Empty(t, r.log.values("attempt failed, will retry", "event_id"), "one of them came alone, and in vain")
	assert.GreaterOrEqual(t, r.local.smtp.book().most, 2)
	assert.GreaterOrEqual(t, r.local.push.book().most, 2)
	assert.Equal(t, 1, r.local.sms.book().most)
	for _, c := range channels {
		assert.Equal(t, len(requests), r.local.gate(c).book().accepted, c)
	}
}

func TestBusyMailServerIsAskedAgainLaterAndLater(t *testing.T) {
	t.Parallel()
	r := build(t, localOptions{faults: func(c channel, _ string) fault { return fault{busy: 2} }}, nil)
	r.run(t, ask("alice", "Hi", "email"))
	book := r.local.smtp.book()
	assert.Equal(t, gateBook{accepted: 1, busy: 2, most: 1}, book)
	delivered := r.settled(t, "EMAIL_DELIVERED")
	require.Len(t, delivered, 1)
	assert.Equal(t, 3, decodePayload[EmailDelivered](t, delivered[0]).Attempts)
	assert.Equal(t, 3, r.rows(t)[0].Attempts)
	waits := r.log.values("attempt failed, will retry", "after")
	require.Len(t, waits, 2)
	assert.Greater(t, waits[1].Duration(), waits[0].Duration())
	assert.Empty(t, r.dead(t))
}

func TestBlockedNumberIsOneDeadLetterWhileTheOtherChannelsArrive(t *testing.T) {
	t.Parallel()
	r := build(t, localOptions{faults: func(c channel, _ string) fault { return fault{blocked: c == sms} }}, nil)
	r.run(t, ask("alice", "Hi", "email", "sms", "push"))
	letters := r.dead(t)
	require.Len(t, letters, 1)
	assert.Equal(t, "sms", letters[0].Organ)
	assert.Equal(t, 1, letters[0].Attempts, "what is permanent is not tried again")
	assert.Contains(t, letters[0].Error, "+351 900 000 001 is blocked")
	assert.Equal(t, gateBook{blocked: 1, most: 1}, r.local.sms.book())
	assert.Equal(t, 1, r.local.smtp.book().accepted)
	assert.Equal(t, 1, r.local.push.book().accepted)
	assert.Len(t, r.settled(t, "DELIVERY_COMPLETED"), 2)
	failed := r.settled(t, "SMS_FAILED")
	require.Len(t, failed, 1)
	assert.Contains(t, decodePayload[SMSFailed](t, failed[0]).Reason, "is blocked")
	assert.Len(t, r.rows(t), 3, "the failure is audited too")
}

func TestRetryOfOneChannelNeverResendsAnother(t *testing.T) {
	t.Parallel()
	busy := map[channel]int{email: 3, push: 1}
	r := build(t, localOptions{faults: func(c channel, _ string) fault { return fault{busy: busy[c]} }}, nil)
	r.run(t, ask("alice", "Hi", "email", "sms", "push"))
	for _, c := range channels {
		assert.Equal(t, gateBook{accepted: 1, busy: busy[c], most: 1}, r.local.gate(c).book(), c)
	}
	assert.Len(t, r.rows(t), 3)
	assert.Empty(t, r.dead(t))
}

func TestUsedUpAttemptsAreADeadLetterThatCanBeReplayed(t *testing.T) {
	t.Parallel()
	r := build(t, localOptions{faults: func(channel, string) fault { return fault{busy: 5} }}, nil)
	r.run(t, ask("alice", "Hi", "push"))
	letters := r.dead(t)
	require.Len(t, letters, 1)
	assert.Equal(t, 4, letters[0].Attempts)
	_, err := r.desk.Replay(t.Context(), letters[0].ID, nil)
	require.NoError(t, err)
	r.run(t)
	assert.Empty(t, r.dead(t))
	assert.Equal(t, gateBook{accepted: 1, busy: 5, most: 1}, r.local.push.book())
}

func TestMailCarriesItsEventIDAndSoDoMessages(t *testing.T) {
	t.Parallel()
	r := build(t, localOptions{}, nil)
	r.run(t, ask("alice", "Hi", "email", "sms", "push"))
	for c, want := range map[channel]string{
		email: "<" + r.settled(t, "EMAIL_SEND_REQUESTED")[0].ID + "@necrostack.example>",
		sms:   r.settled(t, "SMS_SEND_REQUESTED")[0].ID + "/sms",
		push:  r.settled(t, "PUSH_SEND_REQUESTED")[0].ID + "/push",
	} {
		assert.Equal(t, map[string]int{want: 1}, r.local.gate(c).accepted)
	}
}

func TestFiveLinesAreLoggedForEveryEvent(t *testing.T) {
	t.Parallel()
	r := build(t, localOptions{}, nil)
	r.run(t, ask("alice", "Hi", "push"))
	for text, want := range map[string]int{
		// One request, validated, routed, sent, completed: five events. The request has two organs.
		"Received": 5, "Dispatched": 6, "Completed": 6, "Enqueued": 4, "Acked": 5,
	} {
		assert.Len(t, r.log.values(text, "event_id"), want, text)
		assert.Len(t, r.log.values(text, "correlation_id"), want, text)
	}
}
