-- SPDX-License-Identifier: Apache-2.0
-- The shop's own table, and what it says when an order is taken: both rows, or neither.
create table orders (id bigint generated always as identity primary key, email text not null, total numeric(12, 2) not null);

create function take_order(email text, total numeric) returns bigint language sql as $$
  with o as (insert into orders (email, total) values ($1, $2) returning id, orders.email, orders.total)
  , i as (insert into stint.inbox (job, key, fields)
          select 'order-mail', 'order-' || id, json_build_object('order', id, 'email', o.email, 'total', o.total) from o)
  select id from o
$$;
