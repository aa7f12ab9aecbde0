package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/examples/console"
	"github.com/necrostack/necrostack/spine"
	"github.com/necrostack/necrostack/supervision"
)

const commands = `  send <user> <channels> <text>   channels: email,sms,push
  stats                           what has been done
  dead                            dead letters
  show <id>                       a request, or a dead letter, and all that followed
  retry <id>                      a dead letter again, for the organ that failed alone
  quit
`

// interactive obeys commands until quit, the end of in, or the end of ctx.
func (a *app) interactive(ctx context.Context, in io.Reader) error {
	a.printHead("interactive, help lists the commands")
	running, cancel := context.WithCancel(ctx)
	defer cancel()
	ended := make(chan struct{})
	var errRun error
	go func() { // ends with running, or when the Spine gives up
		defer close(ended)
		errRun = a.pipeline.spine.Run(running)
	}()
	select {
	case <-a.pipeline.up: // before that nobody can be asked
	case <-ended:
	case <-ctx.Done():
	}
	err := a.obey(ctx, console.Lines(ctx, in), ended, console.Terminal(in))
	if errors.Is(a.wait(ctx), context.DeadlineExceeded) {
		err = errors.Join(err, a.unfinished())
	}
	stats := a.pipeline.spine.Stats()
	cancel()
	<-ended
	// Not the numbers of the dead letters any more: there is nobody left to retry them.
	return errors.Join(err, errRun, a.printReport(stats))
}

func (a *app) unfinished() error {
	if a.options.store.Durable() {
		return errors.New("retries were still waiting; the next run goes on with them")
	}
	return errors.New("retries were still waiting; in memory they end with the program")
}

// obey runs commands until there is a reason to stop.
func (a *app) obey(ctx context.Context, lines <-chan console.Line, ended <-chan struct{}, prompt bool) error {
	for {
		if prompt {
			a.printf("> ")
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ended:
			return nil
		case l, more := <-lines:
			if !more || l.Err != nil {
				return l.Err
			}
			if quit := a.command(ctx, l.Text); quit {
				return nil
			}
		}
	}
}

// command runs one command. What it cannot do is printed: the next command may do better.
func (a *app) command(ctx context.Context, text string) (quit bool) {
	verb, rest, _ := strings.Cut(strings.TrimSpace(text), " ")
	rest = strings.TrimSpace(rest)
	var err error
	switch verb {
	case "":
	case "quit", "exit":
		return true
	case "help":
		a.printf("%s", commands)
	case "send":
		err = a.sendOne(ctx, rest)
	case "stats":
		stats := a.pipeline.spine.Stats()
		a.printChannels(stats)
		a.printOrgans(stats)
	case "dead":
		err = a.listDead(ctx)
	case "show":
		err = a.show(ctx, rest)
	case "retry":
		err = a.retry(ctx, rest)
	default:
		err = fmt.Errorf("unknown command %q, help lists them", console.Clip(verb, 20))
	}
	if err != nil {
		a.wrapped("  ! ", err.Error())
	}
	return false
}

func (a *app) sendOne(ctx context.Context, rest string) error {
	words := strings.SplitN(rest, " ", 3)
	if len(words) < 3 {
		return errors.New("usage: send <user> <channels> <text>")
	}
	ids, err := a.pipeline.spine.Publish(ctx, NotificationRequested{
		Recipient: Recipient{words[0]}, Channels: strings.Split(words[1], ","), Message: words[2], Priority: "normal",
	})
	if err != nil {
		return err
	}
	return a.tell(ctx, ids[0])
}

// tell waits for what becomes of a request, for a moment, and prints it.
func (a *app) tell(ctx context.Context, id actors.ID) error {
	if err := a.wait(ctx); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	x, ok := a.pipeline.outcomes.of(id)
	if !ok { // of an earlier run, or too long ago
		a.printf("  %s  done; dead lists what failed again\n", id.String()[:idLength])
		return nil
	}
	a.printf("  %s  %s\n", id.String()[:idLength], x.summary())
	if len(x.Refused) > 0 {
		a.wrapped("            ", strings.Join(x.Refused, "; "))
	}
	for _, c := range channels {
		if reason := x.Channels[c].Reason; reason != "" {
			a.wrapped("            ", fmt.Sprintf("%s: %s", c, reason))
		}
	}
	return nil
}

// Times of wait.
const (
	moment = 5 * time.Second
	glance = 5 * time.Millisecond
)

// wait returns when nothing is left to do, or after a moment. The Spine may still be on its way up.
func (a *app) wait(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, moment)
	defer cancel()
	for {
		err := a.pipeline.spine.WaitIdle(ctx)
		if !errors.Is(err, spine.ErrNotRunning) {
			return err
		}
		timer := time.NewTimer(glance)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		}
	}
}

func (a *app) listDead(ctx context.Context) error {
	letters, err := a.pipeline.letters(ctx)
	if err == nil && len(letters) == 0 {
		a.printf("  none\n")
	}
	for _, l := range letters {
		a.printLetter(l.ID, l)
	}
	return err
}

// show takes the number of a dead letter, or the beginning of a request's id.
func (a *app) show(ctx context.Context, id string) error {
	l, err := a.pipeline.desk.Show(ctx, id)
	if err == nil {
		a.printLetter(l.ID, l)
		printTree(a.out, a.pipeline.record.chain(console.LetterCorrelation(l)))
		return nil
	}
	if !errors.Is(err, supervision.ErrNoLetter) {
		return err
	}
	root, err := a.find(id)
	if err != nil {
		return err
	}
	printTree(a.out, a.pipeline.record.chain(root))
	return nil
}

// find returns the request whose id begins with id.
func (a *app) find(id string) (actors.ID, error) {
	var found []actors.ID
	for _, root := range a.pipeline.record.roots() {
		if id != "" && strings.HasPrefix(root.String(), id) {
			found = append(found, root)
		}
	}
	switch len(found) {
	case 0:
		return actors.ID{}, fmt.Errorf("no request and no dead letter has the id %q", console.Clip(id, 40))
	case 1:
		return found[0], nil
	default:
		return actors.ID{}, fmt.Errorf("%d requests have an id that begins with %q", len(found), console.Clip(id, 40))
	}
}

func (a *app) retry(ctx context.Context, id string) error {
	l, err := a.pipeline.desk.Show(ctx, id)
	if errors.Is(err, supervision.ErrNoLetter) {
		return fmt.Errorf("no dead letter has the number %q", console.Clip(id, 40))
	}
	if err != nil {
		return err
	}
	if _, err := a.pipeline.desk.Replay(ctx, id, nil); err != nil {
		return err
	}
	return a.tell(ctx, l.Event.Correlation())
}
