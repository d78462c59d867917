//! The real programs, from outside: real terminals, real sockets, real kills.

mod console;
mod demo;
mod exec;
mod resume;
mod serve;
mod support;
mod trouble;
