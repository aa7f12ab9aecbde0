package redisstream

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/redis/go-redis/v9"
)

// mostArguments is how many arguments a command needs at the most before the server looks at rights.
const mostArguments = 8

// identify finds out who the server takes us for; where it may not be asked, the one we signed in as, and ""
// when it has no users, or not by that command. ok is false when the user may not even connect.
func (c *check) identify(ctx context.Context) (ok bool, err error) {
	c.user, err = c.rdb.ACLWhoAmI(ctx).Result()
	switch {
	case err == nil, redis.HasErrorPrefix(err, "unknown command"):
		return true, nil
	case !redis.IsPermissionError(err):
		return false, err
	}
	if c.user = c.settings.link.user; c.user == "" {
		c.user = "default"
	}
	command := forbiddenCommand(err)
	c.forbidden(command)
	return command == whoAmI, nil
}

const whoAmI = "acl|whoami"

// forbiddenCommand reads in the server's words what it forbids: it may be a command that a new connection
// begins with, before the one that was sent. "NOPERM … to run the 'client|setname' command".
func forbiddenCommand(err error) string {
	_, rest, _ := strings.Cut(err.Error(), "'")
	command, _, _ := strings.Cut(rest, "'")
	return command
}

// rights asks the server whether the user may run every command on our keys. A script that meets a
// missing right in its middle has done half of its work.
func (c *check) rights(ctx context.Context, commands []string) error {
	if c.user == "" {
		c.judge("acl", rightUnknown)
		return nil
	}
	keys := keyring{c.settings.namespace}
	var closed []string // commands that may run, but not on our keys
	for _, key := range []string{keys.meta(), keys.shard(0).in} {
		verdicts, err := c.dryRun(ctx, key, commands)
		if redis.IsPermissionError(err) {
			c.forbidden("acl dryrun")
			return nil
		}
		if err != nil {
			return err
		}
		for i, v := range verdicts {
			c.judge(commands[i], v)
			if v == rightKey {
				closed = append(closed, shown(commands[i]))
			}
		}
	}
	if len(closed) > 0 {
		slices.Sort(closed)
		ns := c.settings.namespace
		c.addFault(fmt.Sprintf("user %q may not touch all keys of namespace %q (with %s): ACL SETUSER %s ~%s:* ~{%s:*",
			c.user, ns, strings.Join(slices.Compact(closed), ", "), c.user, ns, ns))
	}
	return nil
}

func (c *check) judge(command string, v right) {
	switch v {
	case rightNone:
		c.forbidden(command)
	case rightUnknown:
		c.addFault(fmt.Sprintf("the server does not know %s: remove its rename-command from redis.conf", shown(command)))
	}
}

func (c *check) forbidden(command string) {
	c.addFault(fmt.Sprintf("user %q may not run %s: ACL SETUSER %s +%s",
		c.user, shown(command), c.user, strings.ToLower(strings.Join(words(command), "|"))))
}

// words parts a command from its subcommand.
func words(command string) []string {
	return strings.FieldsFunc(command, func(r rune) bool { return r == ' ' || r == '|' })
}

func shown(command string) string { return strings.ToUpper(strings.Join(words(command), " ")) }

// right is what a user may do with a command.
type right int

const (
	rightAll     right = iota
	rightNone          // not run it
	rightKey           // run it, but not on this key
	rightUnknown       // the server has no such command
)

// dryRun asks about all commands in one round trip. The server refuses to judge a command with too few
// arguments or too many, so it is asked about every number of them; all are the key, whichever of them
// the command takes for one.
func (c *check) dryRun(ctx context.Context, key string, commands []string) ([]right, error) {
	pipe := c.rdb.Pipeline()
	replies := make([][]*redis.StringCmd, len(commands))
	for i, command := range commands {
		var call []any
		for _, word := range words(command) {
			call = append(call, word)
		}
		for range mostArguments + 1 {
			replies[i] = append(replies[i], pipe.ACLDryRun(ctx, c.user, call...))
			call = append(call, key)
		}
	}
	// The errors of single answers are read one by one.
	if _, err := pipe.Exec(ctx); err != nil && classOf(err) != classAnswered {
		return nil, err
	}
	rights := make([]right, len(commands))
	for i := range commands {
		var err error
		if rights[i], err = verdict(replies[i]); err != nil {
			return nil, err
		}
	}
	return rights, nil
}

// verdict is the first answer that is one: an error says that the number of arguments was wrong, or the
// name.
func verdict(replies []*redis.StringCmd) (right, error) {
	for _, reply := range replies {
		text, err := reply.Result()
		switch {
		case err == nil:
			return rightOf(text), nil
		case redis.IsPermissionError(err), classOf(err) != classAnswered:
			return rightAll, err
		}
	}
	return rightUnknown, nil
}

// rightOf reads the server's words, which are all there is: "OK", "This user has no permissions to run
// the 'xadd' command", "… to access the 'necro:meta' key".
func rightOf(text string) right {
	switch {
	case text == "OK":
		return rightAll
	case strings.HasSuffix(text, " key"):
		return rightKey
	default:
		return rightNone
	}
}
