require "copy";
redirect :copy "far@example.net";
