require "foreverypart";
foreverypart :name "a" { } break;
