// Package tests has the scenarios that cross packages, processes and languages, what the
// test suites of others expect of an eventfd, and the checks of the models in docs.
package tests
