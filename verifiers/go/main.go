// Checks a Tollhouse ledger without Tollhouse: an export or a receipt, and a public key. Only Go's standard library, and no line
// of Tollhouse's own code: it follows docs/ledger-format.md alone.
//
//	go run . -key KEY [-pin CHECKPOINT] export.ndjson
//	go run . -key KEY receipt.tlog-proof
//
// Exit status 0: PASS. 1: FAIL. 2: it could not be checked.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
)

// A body of 16 MiB in base64, with the rest of its line.
const lineMax = 24 * 1024 * 1024

func main() {
	keyWord := flag.String("key", "", "the ledger's public key, or a file with it")
	pinFile := flag.String("pin", "", "a file with a checkpoint that you kept")
	flag.Parse()
	if *keyWord == "" || flag.NArg() != 1 {
		flag.Usage()
		os.Exit(2)
	}
	answer, err := check(*keyWord, *pinFile, flag.Arg(0))
	var file *os.PathError
	if errors.As(err, &file) {
		fmt.Fprintln(os.Stderr, "cannot be checked:", err)
		os.Exit(2)
	}
	passed := err == nil
	if export, is := answer.(Answer); is {
		passed = passed && export.Result == "PASS"
	}
	if err != nil {
		answer = map[string]string{"result": "FAIL", "problem": err.Error()}
	}
	if err := json.NewEncoder(os.Stdout).Encode(answer); err != nil || !passed {
		os.Exit(1)
	}
}

func check(keyWord, pinFile, path string) (any, error) {
	if data, err := os.ReadFile(keyWord); err == nil {
		keyWord = strings.TrimSpace(string(data))
	}
	key, err := ParseKey(keyWord)
	if err != nil {
		return nil, err
	}
	pin, err := openPin(pinFile, key)
	if err != nil {
		return nil, err
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	reader := bufio.NewReaderSize(file, 1<<20)
	if start, _ := reader.Peek(len(proofFormat) + 1); string(start) == proofFormat+"\n" {
		text, err := io.ReadAll(reader)
		if err != nil {
			return nil, err
		}
		return VerifyReceipt(string(text), key)
	}
	return checkLines(reader, NewExport(key, pin))
}

func openPin(path string, key Key) (*Checkpoint, error) {
	if path == "" {
		return nil, nil
	}
	note, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	pin, err := OpenCheckpoint(string(note), key)
	return &pin, err
}

func checkLines(reader io.Reader, export *Export) (Answer, error) {
	lines := bufio.NewScanner(reader)
	lines.Buffer(make([]byte, 1<<20), lineMax)
	for lines.Scan() {
		export.Push(lines.Bytes())
	}
	return export.End(), lines.Err()
}
