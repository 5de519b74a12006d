-- What operators have said about the whole node: that it takes no new work, until they say otherwise.
create table node_words (
  one  integer primary key check (one = 1),
  json text not null
) strict;
