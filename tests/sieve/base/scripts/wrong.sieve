require ["relational", "fileinto", "envelope", "copy"];
keep "x";
keep 1;
keep :now;
keep true;
discard "x";
discard :copy;
stop 1;
fileinto;
fileinto 1;
fileinto ["a", "b"];
fileinto "a" "b";
fileinto "a" :copy;
fileinto :copy :copy "a";
redirect;
redirect 1;
redirect ["a@example.com", "b@example.com"];
redirect "a@example.com" "b@example.com";
if header {}
if header "subject" {}
if header "subject" "x" "y" {}
if header 1 "x" {}
if header "subject" 1 {}
if header "subject" :is "x" {}
if header "subject" "x" :is {}
if header :is :is "subject" "x" {}
if header :is :contains "subject" "x" {}
if header :all "subject" "x" {}
if header :none "subject" "x" {}
if header :comparator "i;octet" :comparator "i;octet" "subject" "x" {}
if header :comparator "i;none" "subject" "x" {}
if header :comparator "i;ascii-numeric" "subject" "x" {}
if header :comparator ["i;octet"] "subject" "x" {}
if header :comparator 1 "subject" "x" {}
if header :comparator :is "subject" "x" {}
if header "subject" "x" true {}
if address "to" {}
if address :all :domain "to" "x" {}
if address :domain :domain "to" "x" {}
if address :user "to" "x" {}
if address "subject" "x" {}
if envelope "to" {}
if envelope :all :localpart "to" "x" {}
if envelope "via" "x" {}
if exists {}
if exists 1 {}
if exists "a" "b" {}
if exists :is "a" {}
if exists true {}
if size 1 {}
if size :over {}
if size :over :under 1 {}
if size :over 1 2 {}
if size :over "1" {}
if size :over [1] {}
if size 1 :over {}
if size :is 1 {}
if not {}
if not (true, false) {}
if true true {}
if true "x" {}
if anyof true {}
if allof {}
if anyof (true) (false) {}
if anyof (true, keep) {}
if {}
if "x" {}
if true;
if nothing {}
if stop {}
true;
size :over 1;
nothing;
nothing "x" { keep; }
require "imap4flags";
keep if true { stop; }
if header :comparator i "a" "b" { stop; }
if header :value "a" "b" { stop; }
