package redisstream

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"
)

// ErrStore reports a server that is reachable and must not be trusted with events as it is. The error that
// wraps it says what is wrong with it, as a rule a line for each setting.
var ErrStore = errors.New("redisstream: the server is not fit to hold events")

const oldestServer = 7 // major version: flags of scripts and ACL DRYRUN begin there

// checkServer reports all that makes the server unfit, and logs a warning for what is allowed but loses
// events, and for what the user's rights hide. commands are those this user will need, by themselves or
// in scripts, a subcommand after a space or a bar ("XADD", "XGROUP CREATE"). An error that is not
// ErrStore is one of the way to the server.
func checkServer(ctx context.Context, rdb *redis.Client, s *settings, commands []string) error {
	c := check{rdb: rdb, settings: s}
	if err := c.run(ctx, commands); err != nil {
		return fmt.Errorf("redisstream: check %s: %w", s.target(), err)
	}
	for _, w := range c.warnings {
		s.log.WarnContext(ctx, w.text, "server", s.target(), "remedy", w.remedy)
	}
	if len(c.faults) == 0 {
		return nil
	}
	return fmt.Errorf("%w (%s):\n\t%s", ErrStore, s.target(), strings.Join(c.faults, "\n\t"))
}

type check struct {
	rdb      *redis.Client
	settings *settings
	user     string // who the server takes us for; "" if that cannot be known
	faults   []string
	warnings []warning
}

type warning struct{ text, remedy string }

// fault notes a setting, its value, the value wanted and how to set it.
func (c *check) fault(setting, got, want, remedy string) {
	c.addFault(fmt.Sprintf("%s is %q, wanted is %s: %s", setting, got, want, remedy))
}

// addFault notes a line once.
func (c *check) addFault(line string) {
	if !slices.Contains(c.faults, line) {
		c.faults = append(c.faults, line)
	}
}

func (c *check) warn(text, remedy string) {
	c.warnings = append(c.warnings, warning{text, remedy})
}

func (c *check) run(ctx context.Context, commands []string) error {
	if ok, err := c.identify(ctx); err != nil || !ok {
		return err
	}
	text, err := c.rdb.Info(ctx).Result()
	if redis.IsPermissionError(err) {
		c.forbidden("info")
		return c.rights(ctx, commands)
	}
	if err != nil {
		return err
	}
	facts := infoFacts(text)
	c.place(facts)
	if err := c.durability(ctx, facts); err != nil {
		return err
	}
	if !c.version(facts) {
		return nil // it would not understand the rest
	}
	return c.rights(ctx, commands)
}

// infoFacts reads the answer to INFO: lines of name:value, headings and blanks between.
func infoFacts(text string) map[string]string {
	facts := make(map[string]string)
	for line := range strings.Lines(text) {
		if name, value, ok := strings.Cut(strings.TrimRight(line, "\r\n"), ":"); ok {
			facts[name] = value
		}
	}
	return facts
}

// version reports whether the server is new enough; one that does not tell is taken to be.
func (c *check) version(facts map[string]string) bool {
	version, ok := c.fact(facts, "redis_version")
	if !ok {
		return true
	}
	major, _, _ := strings.Cut(version, ".")
	if n, err := strconv.Atoi(major); err == nil && n >= oldestServer {
		return true
	}
	c.fault("redis_version", version, fmt.Sprintf("%d.0 or later", oldestServer), "install a newer server")
	return false
}

// place looks at what kind of server this is.
func (c *check) place(facts map[string]string) {
	if role, ok := c.fact(facts, "role"); ok && role != "master" {
		c.fault("role", role, `"master"`, "give the address of the master, or REPLICAOF NO ONE")
	}
	if cluster, ok := c.fact(facts, "cluster_enabled"); ok && cluster != "0" {
		c.fault("cluster-enabled", cluster, `"no"`, "use a server that is not part of a cluster: cluster-enabled no in redis.conf")
	}
	if policy, ok := c.fact(facts, "maxmemory_policy"); ok && policy != "noeviction" {
		c.fault("maxmemory-policy", policy, `"noeviction"`,
			"CONFIG SET maxmemory-policy noeviction, and the same in redis.conf; any other deletes events when memory is short")
	}
}

// fact is a value of INFO. One that is missing cannot be checked.
func (c *check) fact(facts map[string]string, name string) (string, bool) {
	value, ok := facts[name]
	if !ok {
		c.warn(fmt.Sprintf("redis: %s could not be checked: INFO does not tell it", name), "look at the server's documentation")
	}
	return value, ok
}

func (c *check) durability(ctx context.Context, facts map[string]string) error {
	enabled, ok := c.fact(facts, "aof_enabled")
	switch {
	case !ok:
		return nil
	case enabled == "1":
		return c.fsync(ctx)
	case c.settings.relaxed:
		c.warn("redis: appendonly is off: when the server dies, all events since its last dump are lost", remedyAOF)
	default:
		c.fault("appendonly", "no", `"yes"`, remedyAOF+"; WithRelaxedDurability accepts the loss, for development")
	}
	return nil
}

const (
	remedyAOF  = "CONFIG SET appendonly yes and CONFIG SET appendfsync always, and the same in redis.conf"
	remedySync = "CONFIG SET appendfsync always, and the same in redis.conf"
)

// losses says what a server loses with each appendfsync, always aside, which loses nothing while the disk
// honours fsync.
var losses = map[string]string{
	"everysec": "a killed server loses nothing while fsync is fast, else up to about 2 s of acknowledged events; " +
		"a power failure loses up to about 2 s of them",
	"no": "a power failure loses what the kernel has not written, often 30 s of acknowledged events",
}

// fsync warns of an append-only file that may lose its end. Only CONFIG GET tells how it is written.
func (c *check) fsync(ctx context.Context) error {
	config, err := c.rdb.ConfigGet(ctx, "*appendfsync*").Result()
	if redis.IsPermissionError(err) {
		c.warn(fmt.Sprintf("redis: appendfsync could not be checked: user %q may not run CONFIG GET; "+
			`nothing is lost with "always" only`, c.user), "ACL SETUSER "+c.user+" +config|get")
		return nil
	}
	if err != nil {
		return err
	}
	if policy := config["appendfsync"]; policy != "always" {
		c.warn(fmt.Sprintf("redis: appendfsync is %q: %s", policy, losses[policy]), remedySync)
	}
	if config["no-appendfsync-on-rewrite"] == "yes" {
		c.warn(`redis: no-appendfsync-on-rewrite is "yes": while the file is rewritten nothing is synced, as if appendfsync were "no"`,
			"CONFIG SET no-appendfsync-on-rewrite no, and the same in redis.conf")
	}
	return c.torn(ctx)
}

// torn warns of a server that writes on behind a transaction which has lost its end.
func (c *check) torn(ctx context.Context) error {
	config, err := c.rdb.ConfigGet(ctx, loadTruncated).Result()
	if err == nil && config[loadTruncated] == "yes" {
		c.warn(`redis: aof-load-truncated is "yes": where a crash tears the file within a transaction, half of it is executed at the second `+
			"start after that", remedyTorn+"; or BGREWRITEAOF after each crash")
	}
	return err
}

const (
	loadTruncated = "aof-load-truncated"
	remedyTorn    = "CONFIG SET aof-load-truncated no, and the same in redis.conf: a server with a torn file then does not start before " +
		"redis-check-aof --fix has cut it"
)
