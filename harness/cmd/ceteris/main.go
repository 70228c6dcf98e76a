// Command ceteris runs experiments on brokers that differ in their concurrency
// model, and is also those brokers.
//
// Exit codes: 0 success; 1 something failed; 2 the command line, a configuration
// file or an experiment file is wrong; of gate also 3, a limit is broken, and 4,
// it is not decided. Every error is one message on stderr that names the flag, key
// or file at fault.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"
)

// cli is the command line. Commands that only some systems have are in
// platform, which the system's file fills.
type cli struct {
	Run       runCmd       `cmd:"" help:"Run an experiment and report what it found."`
	Tune      tuneCmd      `cmd:"" help:"Sweep a pool's sizes under an experiment's traffic and name the best."`
	Report    reportCmd    `cmd:"" help:"Compute every figure, table and the HTML page of a result again from its histograms."`
	Figures   figuresCmd   `cmd:"" help:"Draw a result's figures for a paper: other formats, the width of a column."`
	Verify    verifyCmd    `cmd:"" help:"Check a result: sums, schema, and that its report follows from its histograms."`
	Compare   compareCmd   `cmd:"" help:"Show two results side by side."`
	Gate      gateCmd      `cmd:"" help:"Hold a result's ratios against limits: exit code 0 kept, 3 broken, 4 not decided."`
	Audit     auditCmd     `cmd:"" help:"Look for what would make a result worthless: plan, order, traffic, counts, failures, another seed."`
	Ledger    ledgerCmd    `cmd:"" help:"List every run that was begun below a directory of results, deleted ones too."`
	Requests  requestsCmd  `cmd:"" help:"Print a cell's log of requests as CSV."`
	Explain   explainCmd   `cmd:"" help:"Say what a key of an experiment file, a factor or a broker's setting means and takes."`
	Schema    schemaCmd    `cmd:"" help:"Print the JSON Schema of a file of a result."`
	Doctor    doctorCmd    `cmd:"" help:"Say what this machine is and what stands against measuring on it."`
	Selftest  selftestCmd  `cmd:"" help:"Break a broker by a known amount and demand to see exactly that."`
	Certify   certifyCmd   `cmd:"" help:"Say whether the load generator is good enough on this machine."`
	Broker    brokerCmd    `cmd:"" help:"Be one broker."`
	Placement placementCmd `cmd:"" help:"Print which shard each partition of a stopped broker belongs to."`
	Log       logCmd       `cmd:"" help:"Check segments, indexes and snapshots."`
	Load      loadCmd      `cmd:"" hidden:"" help:"Offer one load to a broker (used by run)."`
}

// usageError marks what the user can only mend by calling differently.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

func usage(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// asLine joins what several checks have found.
func asLine(err error) string { return strings.ReplaceAll(err.Error(), "\n", "; ") }

// verdict is an exit code that says what was found, and is no failure: the
// command has printed everything.
type verdict int

func (v verdict) Error() string { return fmt.Sprintf("exit code %d", int(v)) }

// streams is where a command reads and writes; tests hand in their own.
type streams struct {
	in       io.Reader
	out, err io.Writer
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(execute(ctx, os.Args[1:], streams{os.Stdin, os.Stdout, os.Stderr}))
}

// execute runs one command line and returns the exit code.
func execute(ctx context.Context, args []string, io streams) (code int) {
	exited := -1
	parser, err := kong.New(&cli{},
		kong.Name("ceteris"),
		kong.Description("What does the concurrency model alone do to a broker?"),
		kong.Writers(io.out, io.err),
		kong.Exit(func(c int) { exited = c }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		kong.Vars{"model_names": modelNames()},
		kong.Bind(io),
		kong.BindTo(ctx, (*context.Context)(nil)),
	)
	if err != nil {
		panic(err) // the grammar above is wrong
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	command, err := parser.Parse(args)
	if exited >= 0 {
		return exited // --help
	}
	if err != nil {
		fmt.Fprintf(io.err, "ceteris: %v\n", err)
		return 2
	}
	err = command.Run()
	var wrong usageError
	var found verdict
	switch {
	case err == nil:
		return 0
	case errors.As(err, &found):
		return int(found)
	case errors.As(err, &wrong):
		fmt.Fprintf(io.err, "ceteris %s: %v\n", command.Selected().Name, err)
		return 2
	default:
		fmt.Fprintf(io.err, "ceteris %s: %v\n", command.Selected().Name, err)
		return 1
	}
}
