package supervision_test

import (
	"errors"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/supervision"
)

func TestDeadLetterTellsWhatHappened(t *testing.T) {
	t.Parallel()
	ev := mailEvent(t, "ada", "hello")
	zone := time.FixedZone("east", 2*60*60)
	l := supervision.NewDeadLetter("notify", ev, actors.Failure{
		Organ: "mailer", Kind: actors.KindPanic, Err: errors.New("boom"), Attempt: 3, Stack: "goroutine 1\n\tmain.go:3",
		First: epoch.In(zone), Last: epoch.Add(time.Hour).In(zone),
	})
	assert.Equal(t, supervision.DeadLetter{
		Service: "notify", Organ: "mailer", Reason: actors.KindPanic, Error: "boom", Attempts: 3,
		Stack: "goroutine 1\n\tmain.go:3", First: epoch, Last: epoch.Add(time.Hour), Event: ev,
	}, l)
}

type brokenError struct{ text string }

func (e *brokenError) Error() string { return e.text }

func TestDeadLetterSurvivesABrokenError(t *testing.T) {
	t.Parallel()
	var typedNil *brokenError
	f := actors.Failure{Organ: "mailer", Kind: actors.KindError, Err: typedNil}
	assert.Equal(t, "<nil>", supervision.NewDeadLetter("notify", mailEvent(t, "ada", "hello"), f).Error)
}

func TestErrorTextIsMadeHarmless(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"plain: text 100% \"quoted\" \\n": "plain: text 100% \"quoted\" \\n",
		"grüße, 世界 🎉":                     "grüße, 世界 🎉",
		"\x1b[31mred\x1b[0m":              `\x1b[31mred\x1b[0m`,
		"two\r\nlines\tand a tab":         `two\r\nlines\tand a tab`,
		"bell \a null \x00 del \x7f":      `bell \a null \x00 del \x7f`,
		"c1 \u009b31m":                    `c1 \u009b31m`,
		"right \u202eto left":             `right \u202eto left`,
		"broken \xff\xc3":                 `broken \xff\xc3`,
		"replacement \ufffd is printable": "replacement \ufffd is printable",
		"":                                "",
	} {
		assert.Equal(t, want, supervision.ClipError(text))
	}
}

func TestErrorTextIsCutAtARune(t *testing.T) {
	t.Parallel()
	full := strings.Repeat("x", supervision.ErrorLimit)
	assert.Equal(t, full, supervision.ClipError(full), "what fits is not cut")
	assert.Equal(t, full[:509]+"…", supervision.ClipError(full+"x"))
	assert.Equal(t, strings.Repeat("é", 254)+"…", supervision.ClipError(strings.Repeat("é", 1000)))
	assert.Equal(t, strings.Repeat(`\x1b`, 127)+"…", supervision.ClipError(strings.Repeat("\x1b", 1000)), "no half escape")
}

func TestStackKeepsItsLines(t *testing.T) {
	t.Parallel()
	assert.Equal(t, "goroutine 1\n\tmain.go:3\n"+`\x1b`, supervision.ClipStack("goroutine 1\n\tmain.go:3\n\x1b"))
	long := supervision.ClipStack(strings.Repeat("x\n", supervision.StackLimit))
	assert.Len(t, long, supervision.StackLimit)
	assert.True(t, strings.HasSuffix(long, "…"))
}

func TestClippedTextIsAlwaysHarmless(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(rapid.String(), rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) })).Draw(t, "text")
		text = strings.Repeat(text, rapid.IntRange(1, 50).Draw(t, "times"))
		got := supervision.ClipError(text)
		if len(got) > supervision.ErrorLimit || !utf8.ValidString(got) {
			t.Fatalf("%d bytes: %q", len(got), got)
		}
		if i := strings.IndexFunc(got, func(r rune) bool { return !unicode.IsPrint(r) }); i >= 0 {
			t.Fatalf("unprintable at %d: %q", i, got)
		}
		if supervision.ClipError(got) != got {
			t.Fatalf("clipping twice changes %q", got)
		}
	})
}

func TestFilterChoosesByEveryField(t *testing.T) {
	t.Parallel()
	l := letter(t, 1, "ada") // error "smtp 451: mailbox full", Last a minute after epoch
	at := l.Last
	for name, c := range map[string]struct {
		filter supervision.Filter
		want   bool
	}{
		"zero":              {supervision.Filter{}, true},
		"type":              {supervision.Filter{Type: "MAIL_REQUESTED"}, true},
		"another type":      {supervision.Filter{Type: "MAIL"}, false},
		"organ":             {supervision.Filter{Organ: "mailer"}, true},
		"another organ":     {supervision.Filter{Organ: "mail"}, false},
		"reason":            {supervision.Filter{Reason: actors.KindError}, true},
		"another reason":    {supervision.Filter{Reason: actors.KindPanic}, false},
		"key":               {supervision.Filter{Key: "ada"}, true},
		"another key":       {supervision.Filter{Key: "bob"}, false},
		"from then":         {supervision.Filter{From: at}, true},
		"from later":        {supervision.Filter{From: at.Add(1)}, false},
		"until then":        {supervision.Filter{Until: at}, false},
		"until later":       {supervision.Filter{Until: at.Add(1)}, true},
		"text":              {supervision.Filter{Text: "451: mail"}, true},
		"another text":      {supervision.Filter{Text: "Mailbox"}, false},
		"all but one agree": {supervision.Filter{Type: "MAIL_REQUESTED", Organ: "mailer", Key: "ada", Text: "452"}, false},
	} {
		assert.Equal(t, c.want, c.filter.Match(l), name)
	}
}

func TestFilterToleratesALetterWithoutAnEvent(t *testing.T) {
	t.Parallel()
	l := supervision.DeadLetter{Organ: "mailer"}
	assert.True(t, supervision.Filter{Organ: "mailer"}.Match(l))
	assert.False(t, supervision.Filter{Type: "MAIL_REQUESTED"}.Match(l))
	assert.False(t, supervision.Filter{Key: "ada"}.Match(l))
}
